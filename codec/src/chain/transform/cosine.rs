//! The transform: the integer approximation of the cosine transform of 8 values in HEVC (ITU-T
//! H.265, 8.6.4.2), first down the columns, then along the rows.

use super::super::block_map::BLOCK;
use super::Plane;

/// Bits dropped after either pass. The forward transform leaves coefficients 16 times as large as
/// those of an orthonormal one.
const FORWARD_SHIFTS: [u32; 2] = [2, 9];
const INVERSE_SHIFTS: [u32; 2] = [7, 12];

type Row = [i32; BLOCK];

#[inline(always)]
fn each(a: &Row, b: &Row, of: impl Fn(i32, i32) -> i32) -> Row {
    let mut out = [0; BLOCK];
    for x in 0..BLOCK {
        out[x] = of(a[x], b[x]);
    }
    out
}

#[inline(always)]
fn sum(a: &Row, b: &Row) -> Row {
    each(a, b, |a, b| a + b)
}

#[inline(always)]
fn less(a: &Row, b: &Row) -> Row {
    each(a, b, |a, b| a - b)
}

#[inline(always)]
fn scaled(a: &Row, by: i32, b: &Row, and: i32) -> Row {
    each(a, b, |a, b| by * a + and * b)
}

#[inline(always)]
fn transposed(plane: &Plane) -> Plane {
    let mut out = [[0; BLOCK]; BLOCK];
    for y in 0..BLOCK {
        for x in 0..BLOCK {
            out[x][y] = plane[y][x];
        }
    }
    out
}

/// Rounds and drops `shift` bits of every value.
#[inline(always)]
fn shifted(mut plane: Plane, shift: u32) -> Plane {
    for row in &mut plane {
        for value in row {
            *value = (*value + (1 << (shift - 1))) >> shift;
        }
    }
    plane
}

#[inline(always)]
fn forward_columns(rows: &Plane) -> Plane {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let even = [sum(r0, r7), sum(r1, r6), sum(r2, r5), sum(r3, r4)];
    let [o0, o1, o2, o3] = &[less(r0, r7), less(r1, r6), less(r2, r5), less(r3, r4)];
    let [e0, e1, e2, e3] = &even;
    let (ee0, ee1) = (&sum(e0, e3), &sum(e1, e2));
    let (eo0, eo1) = (&less(e0, e3), &less(e1, e2));
    let odd = |a, b, c, d| sum(&scaled(o0, a, o1, b), &scaled(o2, c, o3, d));
    [
        scaled(ee0, 64, ee1, 64),
        odd(89, 75, 50, 18),
        scaled(eo0, 83, eo1, 36),
        odd(75, -18, -89, -50),
        scaled(ee0, 64, ee1, -64),
        odd(50, -89, 18, 75),
        scaled(eo0, 36, eo1, -83),
        odd(18, -50, 75, -89),
    ]
}

#[inline(always)]
fn inverse_columns(rows: &Plane) -> Plane {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = rows;
    let odd = |a, b, c, d| sum(&scaled(c1, a, c3, b), &scaled(c5, c, c7, d));
    let odds =
        [odd(89, 75, 50, 18), odd(75, -18, -89, -50), odd(50, -89, 18, 75), odd(18, -50, 75, -89)];
    let (ee0, ee1) = (&scaled(c0, 64, c4, 64), &scaled(c0, 64, c4, -64));
    let (eo0, eo1) = (&scaled(c2, 83, c6, 36), &scaled(c2, 36, c6, -83));
    let evens = [sum(ee0, eo0), sum(ee1, eo1), less(ee1, eo1), less(ee0, eo0)];
    let mut out = [[0; BLOCK]; BLOCK];
    for at in 0..BLOCK / 2 {
        out[at] = sum(&evens[at], &odds[at]);
        out[BLOCK - 1 - at] = less(&evens[at], &odds[at]);
    }
    out
}

/// The coefficients of a plane: rows by vertical frequency, columns by horizontal.
#[inline(always)]
pub(super) fn forward(plane: &Plane) -> Plane {
    let [first, second] = FORWARD_SHIFTS;
    let down = shifted(forward_columns(plane), first);
    transposed(&shifted(forward_columns(&transposed(&down)), second))
}

/// The plane of coefficients within ±2^17.
#[inline(always)]
pub(super) fn inverse(coefficients: &Plane) -> Plane {
    let [first, second] = INVERSE_SHIFTS;
    let down = shifted(inverse_columns(coefficients), first);
    transposed(&shifted(inverse_columns(&transposed(&down)), second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_transform() {
        let mut state = 0x1234_5678_u32;
        println!("seed {state}");
        for range in [1, 16, 511] {
            for _ in 0..500 {
                let mut plane = Plane::default();
                for value in plane.as_flattened_mut() {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value = (state >> 8) as i32 % (2 * range + 1) - range;
                }
                let back = inverse(&forward(&plane));
                for (a, b) in plane.as_flattened().iter().zip(back.as_flattened()) {
                    // The matrix is only nearly orthogonal.
                    assert!((a - b).abs() <= 1 + range / 128, "{a} became {b}");
                }
            }
        }
    }

    #[test]
    fn extreme_coefficients_do_not_overflow() {
        for sign in [1, -1] {
            let plane = [[sign << 17; BLOCK]; BLOCK];
            let _ = inverse(&plane);
        }
    }
}
