"""Entry by entry: elementary functions of floating numbers."""

import math

import numpy as np

from tfcli.engine.ops.kinds import Floating


class Sqrt(Floating):
    def forward(self, x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    def vjp_x(self, g, y, x):
        return 0.5 * g / y


class Rsqrt(Floating):
    """1 / sqrt(x)."""

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return x.dtype.type(1) / np.sqrt(x)

    def vjp_x(self, g, y, x):
        return -0.5 * g * y * y * y


class Exp(Floating):
    def forward(self, x):
        with np.errstate(over="ignore"):
            return np.exp(x)

    def vjp_x(self, g, y, x):
        return g * y


class Expm1(Floating):
    """exp(x) - 1, exact near 0."""

    def forward(self, x):
        with np.errstate(over="ignore"):
            return np.expm1(x)

    def vjp_x(self, g, y, x):
        return g * (y + 1.0)


class Log(Floating):
    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x)

    def vjp_x(self, g, y, x):
        return g / x


class Log1p(Floating):
    """log(1 + x), exact near 0."""

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log1p(x)

    def vjp_x(self, g, y, x):
        return g / (x + 1.0)


class Sin(Floating):
    def forward(self, x):
        return np.sin(x)

    def vjp_x(self, g, y, x):
        return g * cos(x)


class Cos(Floating):
    def forward(self, x):
        return np.cos(x)

    def vjp_x(self, g, y, x):
        return -g * sin(x)


class Tan(Floating):
    def forward(self, x):
        return np.tan(x)

    def vjp_x(self, g, y, x):
        return g * (1.0 + y * y)


class Asin(Floating):
    def forward(self, x):
        return np.arcsin(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(1.0 - x * x)


class Acos(Floating):
    def forward(self, x):
        return np.arccos(x)

    def vjp_x(self, g, y, x):
        return -g * rsqrt(1.0 - x * x)


class Atan(Floating):
    def forward(self, x):
        return np.arctan(x)

    def vjp_x(self, g, y, x):
        return g / (1.0 + x * x)


class Sinh(Floating):
    def forward(self, x):
        return np.sinh(x)

    def vjp_x(self, g, y, x):
        return g * cosh(x)


class Cosh(Floating):
    def forward(self, x):
        return np.cosh(x)

    def vjp_x(self, g, y, x):
        return g * sinh(x)


class Tanh(Floating):
    def forward(self, x):
        return np.tanh(x)

    def vjp_x(self, g, y, x):
        return g * (1.0 - y * y)


class Asinh(Floating):
    def forward(self, x):
        return np.arcsinh(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(x * x + 1.0)


class Acosh(Floating):
    def forward(self, x):
        return np.arccosh(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(x * x - 1.0)


class Atanh(Floating):
    def forward(self, x):
        return np.arctanh(x)

    def vjp_x(self, g, y, x):
        return g / (1.0 - x * x)


class Sigmoid(Floating):
    """1 / (1 + exp(-x)), computed without overflow through tanh."""

    def forward(self, x):
        half = x.dtype.type(0.5)
        return half * np.tanh(half * x) + half

    def vjp_x(self, g, y, x):
        return g * (y * (1.0 - y))


class Softplus(Floating):
    """log(1 + exp(x)), computed without overflow."""

    def forward(self, x):
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def vjp_x(self, g, y, x):
        return g * sigmoid(x)


class Erf(Floating):
    """The error function."""

    def forward(self, x):
        return erf_array(x)

    def vjp_x(self, g, y, x):
        return g * (2.0 / math.sqrt(math.pi)) * exp(-x * x)


_ERF32_ABOVE = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)


_ERF32_BELOW = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


_CODY_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)


_CODY_MIDDLE = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)


def erf_array(x: np.ndarray) -> np.ndarray:
    """erf of each entry: to 5e-7 in float32 by one rational function (as in Eigen), to 1e-15 in float64 by W. J.
    Cody's.

    Source: Cody, "Rational Chebyshev approximations for the error function", 1969.
    """
    if x.dtype != np.float64:
        clipped = np.clip(x, -4, 4, dtype=np.float32)
        square = clipped * clipped
        return (clipped * _horner(_ERF32_ABOVE, square) / _horner(_ERF32_BELOW, square)).astype(x.dtype)
    a = np.abs(x)
    near = np.minimum(a, 0.46875)
    middle = np.clip(a, 0.46875, 6.0)  # beyond 6, erf is 1 to the last digit
    square = near * near
    inner = near * _horner(_CODY_NEAR[0], square) / _horner(_CODY_NEAR[1], square)
    outer = 1.0 - np.exp(-middle * middle) * _horner(_CODY_MIDDLE[0], middle) / _horner(_CODY_MIDDLE[1], middle)
    return np.copysign(np.where(a <= 0.46875, inner, outer), x)


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """The polynomial in the dtype of x, the highest power first."""
    total = x * x.dtype.type(coefficients[0])
    for c in coefficients[1:-1]:
        total += x.dtype.type(c)
        total *= x
    return total + x.dtype.type(coefficients[-1])


sqrt, rsqrt, exp, expm1, log, log1p = Sqrt(), Rsqrt(), Exp(), Expm1(), Log(), Log1p()
sin, cos, tan, asin, acos, atan = Sin(), Cos(), Tan(), Asin(), Acos(), Atan()
sinh, cosh, tanh, asinh, acosh, atanh = Sinh(), Cosh(), Tanh(), Asinh(), Acosh(), Atanh()
sigmoid, softplus, erf = Sigmoid(), Softplus(), Erf()
