"""A flow that ends by itself, for tests of what is said then."""

from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

BLOW_UP = Flow(
    "y' = y^2",
    "exact: y = y0/(1 - y0 t)",
    {"y": ()},
    lambda t, y, q: q["rate"] * y**2,
    (Param("rate", 1.0, "per unit of time", low=0),),
)
