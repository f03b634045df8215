# Shortcuts; each is a cargo command that can be typed as well.

# List the recipes.
default:
    @just --list

# Formatting, lints, docs and licences: the quick part of `test`.
check:
    cargo xtask check

# Everything that CI runs.
test:
    cargo xtask test

# The simulation with these seeds: 7, 1,2,3 or 1..200.
sim seeds="1..200":
    cargo xtask sim {{seeds}}

# All benchmarks.
bench:
    cargo run --release -- bench
