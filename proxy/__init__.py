"""
Parallax: a shadow-traffic comparison proxy.

Three stories say what it does: `proxy/exchange.py` (one client request, first byte to last), `proxy/compare/`
(one judgement) and `proxy/rollout.py` (one controller tick). `docs/walk.md` is the guided tour.
"""

__version__ = "0.1.0"
