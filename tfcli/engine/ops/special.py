"""Special functions: the gamma and error functions, Bessel functions, and products that are 0 where x is."""

import math
from typing import Any

import numpy as np

from tfcli.engine.ops.comparison import not_equal
from tfcli.engine.ops.elementary import erf_array, exp, log
from tfcli.engine.ops.elementwise import (
    abs_,
    cast,
    divide_no_nan,
    sign,
    square,
    where,
)
from tfcli.engine.ops.kinds import Binary, Floating, FloatingBinary
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import ones_like, sum_to, zeros_like
from tfcli.engine.spec import TensorSpec, bool_, broadcast
from tfcli.engine.tensor import Tensor, convert_to_tensor

_LANCZOS = (
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)
"""Coefficients for g = 7. Lanczos, "A precision approximation of the gamma function", 1964."""
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
"""B2, B4, B6, …"""


class Lgamma(Floating):
    """log|Γ(x)|."""

    def forward(self, x):
        return lgamma_array(x.astype(np.float64)).astype(x.dtype)

    def vjp_x(self, g, y, x):
        return g * digamma(x)


def lgamma_array(x: np.ndarray) -> np.ndarray:
    """log|Γ| by Lanczos's approximation, reflected below 1/2."""
    low = x < 0.5
    z = np.where(low, 1.0 - x, x) - 1.0
    total = _LANCZOS[0] + sum(c / (z + i) for i, c in enumerate(_LANCZOS[1:], start=1))
    t = z + 7.5
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 0.5 * math.log(2 * math.pi) + (z + 0.5) * np.log(t) - t + np.log(total)
        reflected = np.log(math.pi / np.abs(np.sin(math.pi * x))) - value
    result = np.where(low, np.where(x == np.floor(x), np.inf, reflected), value)
    return np.where(np.isinf(x), np.inf, result)


class Digamma(Floating):
    """The derivative of log Γ(x)."""

    def forward(self, x):
        return _digamma(x.astype(np.float64)).astype(x.dtype)

    def vjp_x(self, g, y, x):
        return g * polygamma(ones_like(x), x)


def _digamma(x: np.ndarray) -> np.ndarray:
    """The recurrence up to 10, the asymptotic series beyond (Abramowitz and Stegun 6.3.18), reflected below 0."""
    low = x <= 0
    z = np.where(low, 1.0 - x, x)
    result = np.zeros_like(z)
    for _ in range(10):
        small = z < 10
        result -= np.where(small, 1.0 / z, 0.0)
        z = np.where(small, z + 1.0, z)
    result += np.log(z) - 0.5 / z
    power = 1.0 / (z * z)
    result -= sum(b / (2 * k) * power**k for k, b in enumerate(_BERNOULLI, start=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        reflected = result - math.pi / np.tan(math.pi * x)
    return np.where(low, np.where(x == np.floor(x), np.nan, reflected), result)


class Zeta(FloatingBinary):
    """Hurwitz's zeta function, the sum of (q + k)⁻ˣ over k = 0, 1, …; not differentiable in x."""

    vjp_x = None

    def forward(self, x, q):
        return _zeta(x.astype(np.float64), q.astype(np.float64)).astype(x.dtype)

    def vjp_q(self, g, y, x, q):
        return sum_to(-g * x * zeta(x + 1.0, q), q)


def _zeta(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Twelve terms, and the rest by Euler and Maclaurin's formula."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = sum(np.power(q + k, -s) for k in range(12))
        a = q + 12.0
        total = total + np.power(a, 1.0 - s) / (s - 1.0) + 0.5 * np.power(a, -s)
        factor, power = s, np.power(a, -s - 1.0)
        for k, b in enumerate(_BERNOULLI, start=1):
            total = total + b / math.factorial(2 * k) * factor * power
            factor, power = factor * (s + 2 * k - 1) * (s + 2 * k), power / (a * a)
    total = np.where(s > 1, total, np.where(s == 1, np.inf, np.nan))
    return np.where((q <= 0) & (q == np.floor(q)), np.inf, np.where((q < 0) & (s != np.floor(s)), np.nan, total))


class Polygamma(FloatingBinary):
    """The derivative of order a of the digamma function; a is 0, 1, 2, …, in which it is not differentiable."""

    vjp_a = None

    def forward(self, a, x):
        n, z = np.broadcast_arrays(a.astype(np.float64), x.astype(np.float64))
        factor = np.where(n % 2 == 1, 1.0, -1.0) * np.exp(lgamma_array(n + 1.0))
        with np.errstate(invalid="ignore"):
            value = factor * _zeta(n + 1.0, z)
        result = np.where(n == 0, _digamma(z), value)
        return np.where((n < 0) | (n != np.floor(n)), np.nan, result).astype(x.dtype)

    def vjp_x(self, g, y, a, x):
        return sum_to(g * polygamma(a + 1.0, x), x)


class Igamma(FloatingBinary):
    """The lower incomplete gamma function P(a, x), regularized; differentiable in x."""

    vjp_a = None

    def forward(self, a, x):
        return _incomplete_gamma(a, x)[0]

    def vjp_x(self, g, y, a, x):
        return sum_to(g * _gamma_density(a, x), x)


class Igammac(FloatingBinary):
    """The upper incomplete gamma function Q(a, x) = 1 - P(a, x), regularized; differentiable in x."""

    vjp_a = None

    def forward(self, a, x):
        return _incomplete_gamma(a, x)[1]

    def vjp_x(self, g, y, a, x):
        return sum_to(-g * _gamma_density(a, x), x)


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    return exp((a - 1.0) * log(x) - x - lgamma(a))


def _incomplete_gamma(a: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P and Q: the power series below a + 1, Lentz's continued fraction above (Numerical Recipes 6.2)."""
    dtype = x.dtype
    a, x = np.broadcast_arrays(a.astype(np.float64), x.astype(np.float64))
    with np.errstate(all="ignore"):
        front = np.exp(a * np.log(x) - x - lgamma_array(a))
        lower = x < a + 1
        term = total = np.where(lower, 1.0 / a, 0.0)
        for n in range(1, 400):
            term = term * np.where(lower, x, 0.0) / (a + n)
            total = total + term
        b, c = x + 1.0 - a, np.full(x.shape, 1e300)
        d = h = 1.0 / np.where(lower, 1.0, b)
        for i in range(1, 400):
            step, b = -i * (i - a), b + 2.0
            d = 1.0 / (step * d + b)
            c = b + step / c
            h = h * d * c
        p = np.where(lower, front * total, 1.0 - front * h)
        q = np.where(lower, 1.0 - front * total, front * h)
    wrong = (x < 0) | (a <= 0)
    p = np.where(wrong, np.nan, np.where(x == 0, 0.0, np.where(np.isinf(x), 1.0, p)))
    q = np.where(wrong, np.nan, np.where(x == 0, 1.0, np.where(np.isinf(x), 0.0, q)))
    return p.astype(dtype), q.astype(dtype)


class Erfc(Floating):
    """1 - erf(x), exact also where erf(x) is nearly 1."""

    def forward(self, x):
        return erfc_array(x.astype(np.float64)).astype(x.dtype)

    def vjp_x(self, g, y, x):
        return g * (-2.0 / math.sqrt(math.pi)) * exp(-x * x)


def erfc_array(x: np.ndarray) -> np.ndarray:
    """erfc in float64: 1 - erf near 0, Laplace's continued fraction beyond 2."""
    a = np.minimum(np.where(np.abs(x) < 2, 2.0, np.abs(x)), 30.0)
    fraction = np.zeros_like(a)
    for n in range(60, 0, -1):
        fraction = 0.5 * n / (a + fraction)
    tail = np.exp(-a * a) / ((a + fraction) * math.sqrt(math.pi))
    return np.where(np.abs(x) < 2, 1.0 - erf_array(x), np.where(x > 0, tail, 2.0 - tail))


_CENTRE = (
    (
        2509.0809287301226727,
        33430.575583588128105,
        67265.770927008700853,
        45921.953931549871457,
        13731.693765509461125,
        1971.5909503065514427,
        133.14166789178437745,
        3.387132872796366608,
    ),
    (
        5226.495278852545925,
        28729.085735721942674,
        39307.89580009271061,
        21213.794301586595867,
        5394.1960214247511077,
        687.1870074920579083,
        42.313330701600911252,
        1.0,
    ),
)
_MIDDLE = (
    (
        7.7454501427834140764e-4,
        0.0227238449892691845833,
        0.24178072517745061177,
        1.27045825245236838258,
        3.64784832476320460504,
        5.7694972214606914055,
        4.6303378461565452959,
        1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        0.0151986665636164571966,
        0.14810397642748007459,
        0.68976733498510000455,
        1.6763848301838038494,
        2.05319162663775882187,
        1.0,
    ),
)
_FAR = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        0.0012426609473880784386,
        0.026532189526576123093,
        0.29656057182850489123,
        1.7848265399172913358,
        5.4637849111641143699,
        6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15,
        1.4215117583164458887e-7,
        1.8463183175100546818e-5,
        7.868691311456132591e-4,
        0.0148753612908506148525,
        0.13692988092273580531,
        0.59983220655588793769,
        1.0,
    ),
)


def _ratio(coefficients: Any, r: np.ndarray) -> np.ndarray:
    return np.polyval(coefficients[0], r) / np.polyval(coefficients[1], r)


def _quantile(q: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """The normal quantile at 1/2 + q; `tail` is the smaller probability. Wichura, algorithm AS 241, 1988."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.sqrt(-np.log(tail))
        far = np.where(r <= 5, _ratio(_MIDDLE, r - 1.6), _ratio(_FAR, r - 5.0))
        value = np.where(np.abs(q) <= 0.425, q * _ratio(_CENTRE, 0.180625 - q * q), np.sign(q) * far)
    return np.where(tail == 0, np.copysign(np.inf, q), np.where(tail < 0, np.nan, value))


class Ndtri(Floating):
    """The quantile of the standard normal distribution at probability x."""

    def forward(self, x):
        p = x.astype(np.float64)
        return _quantile(p - 0.5, np.minimum(p, 1.0 - p)).astype(x.dtype)

    def vjp_x(self, g, y, x):
        return g * math.sqrt(2 * math.pi) * exp(0.5 * square(y))


class Erfinv(Floating):
    """The number whose error function is x."""

    def forward(self, x):
        p = x.astype(np.float64)
        return (_quantile(0.5 * p, 0.5 * (1.0 - np.abs(p))) * math.sqrt(0.5)).astype(x.dtype)

    def vjp_x(self, g, y, x):
        return g * (0.5 * math.sqrt(math.pi)) * exp(square(y))


class BesselI0e(Floating):
    """exp(-|x|) I₀(x), I₀ the modified Bessel function."""

    def forward(self, x):
        return _bessel(x, 0)

    def vjp_x(self, g, y, x):
        return g * (bessel_i1e(x) - sign(x) * y)


class BesselI1e(Floating):
    """exp(-|x|) I₁(x), I₁ the modified Bessel function."""

    def forward(self, x):
        return _bessel(x, 1)

    def vjp_x(self, g, y, x):
        zero = x == zeros_like(x)
        safe = where(zero, ones_like(x), x)
        slope = bessel_i0e(safe) - y * (sign(safe) + 1.0 / safe)
        return g * where(zero, 0.5 * ones_like(x), slope)


def _bessel(x: np.ndarray, order: int) -> np.ndarray:
    """The trapezoidal rule on Bessel's integral, which converges geometrically for a periodic integrand."""
    a = np.abs(x.astype(np.float64))
    points = 64 + 16 * int(math.sqrt(a.max(initial=0.0)))
    total = np.zeros_like(a)
    for k in range(points + 1):
        angle = math.pi * k / points
        weight = 0.5 if k in (0, points) else 1.0
        total += weight * math.cos(order * angle) * np.exp(a * (math.cos(angle) - 1.0))
    result = total / points
    return (np.copysign(result, x) if order % 2 else result).astype(x.dtype)


class _ZeroWhereX(FloatingBinary, abstract=True):
    """A product that is 0 where x is 0, whatever y is."""

    def finish(self, x: np.ndarray, factor: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.where(x == 0, x.dtype.type(0), x * factor)


class Xlogy(_ZeroWhereX):
    """x log(y), and 0 where x is 0."""

    def forward(self, x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.finish(x, np.log(y))

    def vjp_x(self, g, z, x, y):
        return sum_to(g * xlogy(_nonzero(x), y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * xdivy(x, y), y)


class Xlog1py(_ZeroWhereX):
    """x log(1 + y), and 0 where x is 0."""

    def forward(self, x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.finish(x, np.log1p(y))

    def vjp_x(self, g, z, x, y):
        return sum_to(g * xlog1py(_nonzero(x), y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * xdivy(x, y + 1.0), y)


class Xdivy(_ZeroWhereX):
    """x / y, and 0 where x is 0."""

    def forward(self, x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.finish(x, 1 / y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g * xdivy(_nonzero(x), y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * xdivy(-x, square(y)), y)


def _nonzero(x: Tensor) -> Tensor:
    """1 where x is not 0, as numbers."""
    return cast(not_equal(x, zeros_like(x)), x.dtype)


class MultiplyNoNan(FloatingBinary):
    """x * y, and 0 where y is 0, also for infinite x."""

    def forward(self, x, y):
        with np.errstate(invalid="ignore"):
            return np.where(y == 0, y.dtype.type(0), x * y)

    def vjp_x(self, g, z, x, y):
        return sum_to(multiply_no_nan(g, y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(multiply_no_nan(x, g), y)


class Nextafter(FloatingBinary):
    """The number next to x towards y."""

    vjp_x = vjp_y = None

    def forward(self, x, y):
        return np.nextafter(x, y)


class Truncatediv(Binary):
    """x / y cut towards zero."""

    vjp_x = vjp_y = None

    def forward(self, x, y):
        if x.dtype.kind == "f":
            return np.trunc(x / y)
        quotient = np.floor_divide(x, y)
        return quotient + ((quotient < 0) & (quotient * y != x)).astype(x.dtype)


class Truncatemod(Binary):
    """What truncatediv leaves: the remainder with the sign of x."""

    def forward(self, x, y):
        return np.fmod(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g, x)

    def vjp_y(self, g, z, x, y):
        return sum_to(-g * truncatediv(x, y), y)


class IsClose(Binary):
    """Whether |x - y| <= atol + rtol |y|."""

    rtol: float
    atol: float
    vjp_x = vjp_y = None

    def infer(self, x, y):
        return TensorSpec(broadcast(x.shape, y.shape, self.name), bool_)

    def forward(self, x, y):
        return np.isclose(x, y, self.rtol, self.atol)


lgamma, digamma, zeta, polygamma, igamma, igammac = Lgamma(), Digamma(), Zeta(), Polygamma(), Igamma(), Igammac()
erfc, ndtri, erfinv, bessel_i0e, bessel_i1e = Erfc(), Ndtri(), Erfinv(), BesselI0e(), BesselI1e()
xlogy, xlog1py, xdivy, multiply_no_nan = Xlogy(), Xlog1py(), Xdivy(), MultiplyNoNan()
nextafter, truncatediv, truncatemod = Nextafter(), Truncatediv(), Truncatemod()


def erfcinv(x: Any) -> Tensor:
    """The number whose complementary error function is x."""
    return -math.sqrt(0.5) * ndtri(0.5 * convert_to_tensor(x))


def bessel_i0(x: Any) -> Tensor:
    """The modified Bessel function of order 0."""
    x = convert_to_tensor(x)
    return exp(abs_(x)) * bessel_i0e(x)


def bessel_i1(x: Any) -> Tensor:
    """The modified Bessel function of order 1."""
    x = convert_to_tensor(x)
    return exp(abs_(x)) * bessel_i1e(x)


def lbeta(x: Any) -> Tensor:
    """The logarithm of the Beta function of the vectors along the last axis."""
    x = convert_to_tensor(x)
    return reduce_sum(lgamma(x), -1) - lgamma(reduce_sum(x, -1))


def reciprocal_no_nan(x: Any) -> Tensor:
    """1 / x, and 0 where x is 0."""
    x = convert_to_tensor(x)
    return divide_no_nan(ones_like(x), x)
