"""Student's t and the power of its test in 25 digits, for compare/statistics/distributions.test.ts.

Usage: distributions.py CASES

CASES is JSON: {p: [[t, degrees], ...], quantile: [[confidence, degrees], ...], power: [[shift, degrees], ...]}; stdout
gets JSON of the same form with a number for each case. Everything is integrated from the densities, so that no formula
is shared with the code under test. mpmath comes with python3-torch.
"""

import json
import sys

from mpmath import exp, findroot, log, loggamma, mp, mpf, ncdf, pi, quad, sqrt

mp.dps = 25


def two_sided_p(t, degrees):
    t, v = abs(mpf(t)), mpf(degrees)
    scale = exp(loggamma((v + 1) / 2) - loggamma(v / 2)) / sqrt(v * pi)
    # With u = 1/x the tail becomes an integral over (0, 1/t), smooth at its far end.
    if t > 1:
        return 2 * scale * quad(lambda u: (1 + 1 / (v * u * u)) ** (-(v + 1) / 2) / (u * u), [0, 1 / t])
    return 1 - 2 * scale * quad(lambda x: (1 + x * x / v) ** (-(v + 1) / 2), [0, t])


def quantile(confidence, degrees):
    tail = 1 - mpf(confidence)
    # In the logarithm of t the tail falls about evenly, whatever the degrees of freedom.
    return exp(findroot(lambda s: log(two_sided_p(exp(s), degrees) / tail), log(mpf(3))))


def power(shift, degrees):
    """P(|Z + shift| > c·s), where s² is chi-squared over its degrees of freedom."""
    shift, v = mpf(shift), mpf(degrees)
    critical = quantile("0.95", degrees)
    scale = log(mpf(2)) + v / 2 * log(v / 2) - loggamma(v / 2)

    def integrand(s):
        density = exp(scale + (v - 1) * log(s) - v * s * s / 2)
        return density * (ncdf(shift - critical * s) + ncdf(-shift - critical * s))

    return quad(integrand, [0, 0.25, 0.5, 1, 1.5, 2, 4, 8])


functions = {"p": two_sided_p, "quantile": quantile, "power": power}
cases = json.loads(sys.argv[1], parse_float=mpf)
print(json.dumps({name: [float(functions[name](*case)) for case in cases[name]] for name in functions}))
