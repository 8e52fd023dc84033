"""The engine: flows with their exact answers, and the integrators. It knows no paper."""
