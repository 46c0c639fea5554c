//! Fewer points that look the same: what falls on one pixel is drawn once.
//!
//! It knows places and pixels, not what the points are.

use std::collections::HashSet;

use super::scale::Scale;
use super::series::{Points, Series};

/// The points of a series for a picture of so many pixels.
///
/// Of a line, each column of pixels keeps its first, lowest, highest and last point, so that the line covers what it did;
/// of a cloud, each pixel keeps its first.
pub(super) fn thinned(
    of: &Points,
    series: &Series,
    scales: (&Scale, &Scale),
    pixels: (usize, usize),
) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (scales.0.place(point.0) * pixels.0 as f64) as usize;
    if of.joined {
        return series.points.chunk_by(|a, b| column(a) == column(b)).flat_map(ends).collect();
    }
    let row = |point: &(f64, f64)| (scales.1.place(point.1) * pixels.1 as f64) as usize;
    let mut taken = HashSet::new();
    series.points.iter().filter(|point| taken.insert((column(point), row(point)))).copied().collect()
}

/// The points of one column that its line needs, in their order.
fn ends(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let by_y = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    let (lowest, highest) = ((0..points.len()).min_by(by_y), (0..points.len()).max_by(by_y));
    let mut kept: Vec<usize> = [Some(0), lowest, highest, points.len().checked_sub(1)].into_iter().flatten().collect();
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| points[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scale::{Axis, Unit};
    use super::*;

    fn check(joined: bool, points: &[(f64, f64)], expected: &[(f64, f64)]) {
        let axis = |values: Vec<f64>| Axis::of("a".into(), Unit::Number, values);
        let (x, y) = (axis(vec![0.0, 10.0]), axis(vec![0.0, 10.0]));
        let scales = (x.scale(10), y.scale(10));
        let series = Series { name: "a".into(), points: points.to_vec() };
        let of = Points { joined, x, y, series: Vec::new() };
        assert_eq!(thinned(&of, &series, (&scales.0, &scales.1), (2, 2)), expected);
    }

    #[test]
    fn a_line_keeps_what_it_covers() {
        let points = [(0.0, 5.0), (1.0, 4.0), (2.0, 9.0), (3.0, 1.0), (4.0, 5.0), (8.0, 5.0)];
        check(true, &points, &[(0.0, 5.0), (2.0, 9.0), (3.0, 1.0), (4.0, 5.0), (8.0, 5.0)]);
    }

    #[test]
    fn a_cloud_keeps_one_point_of_each_pixel() {
        check(false, &[(0.0, 0.0), (1.0, 1.0), (9.0, 9.0), (1.0, 9.0)], &[(0.0, 0.0), (9.0, 9.0), (1.0, 9.0)]);
    }
}
