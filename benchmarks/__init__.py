"""
Measurements that need a quiet machine and a minute: never part of the tests. `README.md` here says how to read them.
"""
