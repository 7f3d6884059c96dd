/* One Euro filters, to the last rounding of the original: pose specification, section 10.2. */
#ifndef VITRUVIAN_EURO_H
#define VITRUVIAN_EURO_H

typedef struct {
    double rate; /* from a difference to a speed */
    double frequency;
    double min_cutoff, beta;
    float speed_share; /* of each new speed */
} euro_settings;

/* Filter some numbers. `raw`, `speed` and `value` are what the call before left in the arrays of the same name
 * with `new` in front; all of them null at the first call. */
void euro_filter(const euro_settings *settings, int count, const float *numbers, const double *raw, const float *speed,
                 const float *value, double *new_raw, float *new_speed, float *new_value);

#endif
