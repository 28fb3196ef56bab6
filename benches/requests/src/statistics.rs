//! Medians and quartiles.

use core::fmt;

/// The median of some figures, and the quartiles as their spread.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Spread {
    /// Of at least one figure; of none, all are NaN.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Self {
            median: quantile(&figures, 0.5),
            lower: quantile(&figures, 0.25),
            upper: quantile(&figures, 0.75),
        }
    }

    /// Of the differences of two series, round by round: what disturbs a round disturbs both.
    pub fn of_differences(figures: &[f64], to: &[f64]) -> Self {
        Self::of(figures.iter().zip(to).map(|(figure, to)| figure - to))
    }
}

/// Linear between the two nearest of sorted figures.
fn quantile(figures: &[f64], share: f64) -> f64 {
    let Some(last) = figures.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = last as f64 * share;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    figures[below] + (figures[above] - figures[below]) * at.fract()
}

/// `median (lower..upper)`, with the formatter's precision.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        let Self {
            median,
            lower,
            upper,
        } = self;
        write!(f, "{median:.digits$} ({lower:.digits$}..{upper:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_nearest_figures() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(format!("{spread:.2}"), "2.50 (1.75..3.25)");
        assert_eq!(format!("{:.0}", Spread::of([7.0])), "7 (7..7)");
        assert!(Spread::of([]).median.is_nan());
    }
}
