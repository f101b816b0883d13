"""What the doctor says about a Redis that removes sessions, with one that is started for it."""

from __future__ import annotations

import pytest
from redis import Redis

import tuile
from tuile.cli.doctor.stores import examine_store


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("noeviction", set()),
        ("allkeys-lfu", {("unsafe", "store-eviction")}),
        ("volatile-ttl", {("advice", "store-eviction")}),
    ],
)
def test_the_policy_of_a_redis_is_read(redis_url: str, policy: str, found: set[tuple[str, str]]) -> None:
    app = tuile.Flask(__name__)
    app.config["SESSION_STORE"] = redis_url
    with Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", "50mb")
        client.config_set("maxmemory-policy", policy)
        try:
            assert {(one.kind, one.id) for one in examine_store(app)} == found
        finally:
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")
