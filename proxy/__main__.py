"""
`python -m proxy` is `parallax`.
"""

from proxy.cli import main

main(prog_name="parallax")
