"""hwgen.numerics.floor_line against sums and maxima that visit every point."""

from __future__ import annotations

from random import Random

from hwgen.numerics.floor_line import floor_sum, max_along


def test_sum_equals_brute_force_on_all_small_lines() -> None:
    for d in range(1, 8):
        for p in range(-9, 10):
            for q in range(-9, 10):
                total = 0
                for count in range(12):
                    assert floor_sum(count, p, q, d) == total, f"floor_sum({count}, {p}, {q}, {d})"
                    total += (p * count + q) // d


def test_sum_equals_brute_force_on_random_lines(random: Random) -> None:
    for _ in range(300):
        p, q, d = random.randint(-(10**9), 10**9), random.randint(-(10**9), 10**9), random.randint(1, 10**9)
        count = random.randint(0, 300)
        assert floor_sum(count, p, q, d) == sum((p * x + q) // d for x in range(count)), (count, p, q, d)


def test_sum_of_a_line_too_long_to_visit() -> None:
    # floor(x/3) over 3n places: every value 0..n-1 three times
    n = 10**15
    assert floor_sum(3 * n, 1, 0, 3) == 3 * (n * (n - 1) // 2)


def test_maximum_equals_brute_force_on_all_small_lines() -> None:
    for d in (1, 2, 3, 5):
        for p in range(-6, 7):
            for q in range(-4, 5):
                for u in range(-3, 4):
                    for v in range(-3, 4):
                        for first, last in ((0, 0), (0, 7), (-5, 4)):
                            wanted = max(u * x + v * ((p * x + q) // d) for x in range(first, last + 1))
                            assert max_along(first, last, u, v, p, q, d) == wanted, (first, last, u, v, p, q, d)


def test_maximum_equals_brute_force_on_random_lines(random: Random) -> None:
    for _ in range(3000):
        big = random.choice((10, 1000, 10**7))
        p, q, u, v = (random.randint(-big, big) for _ in range(4))
        d = random.randint(1, big)
        first = random.randint(-200, 200)
        last = first + random.randint(0, 150)
        wanted = max(u * x + v * ((p * x + q) // d) for x in range(first, last + 1))
        assert max_along(first, last, u, v, p, q, d) == wanted, (first, last, u, v, p, q, d)


def test_maximum_where_the_two_slopes_nearly_cancel(random: Random) -> None:
    # the case of a requantizer: -multiplier*x + 2**shift * floor(...), both slopes almost equal
    for _ in range(300):
        d = random.randint(1, 5000)
        p = random.randint(-3 * d, 3 * d)
        shift = random.randint(0, 20)
        multiplier = (p << shift) // d + random.choice((0, 1))
        q = random.randint(-d, d)
        sign = random.choice((1, -1))
        u, v = -sign * multiplier, sign << shift
        wanted = max(u * x + v * ((p * x + q) // d) for x in range(-300, 301))
        assert max_along(-300, 300, u, v, p, q, d) == wanted, (u, v, p, q, d)
