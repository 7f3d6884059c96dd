#include "euro.h"

#include <math.h>
#include <stddef.h>

static const double PI = 3.141592653589793;

/* Where there was no number before, the new one comes out as it is. */
static float mixed(float before, float now, float share)
{
    double rest = before * (1.0 - (double)share);
    float part = share * now;
    return isnan(before) ? now : (float)(part + rest);
}

void euro_filter(const euro_settings *settings, int count, const float *numbers, const double *raw, const float *speed,
                 const float *value, double *new_raw, float *new_speed, float *new_value)
{
    const euro_settings s = *settings;
    for (int i = 0; i < count; i++) {
        double now = numbers[i], before = raw == NULL || isnan(raw[i]) ? now : raw[i];
        float fast = (float)((now - before) * s.rate);
        fast = speed == NULL ? fast : mixed(speed[i], fast, s.speed_share);
        double cutoff = s.min_cutoff + s.beta * fabs((double)fast);
        float share = (float)(1 / (1 + s.frequency / (2 * PI * cutoff)));
        new_raw[i] = now, new_speed[i] = fast;
        new_value[i] = value == NULL ? numbers[i] : mixed(value[i], numbers[i], share);
    }
}
