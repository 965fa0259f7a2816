"""
Settings as the table that workers route by.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from proxy.compare.judging import JudgingTable
from proxy.compare.redaction import Redaction
from proxy.routing.intent import Intent, with_intent
from proxy.routing.table import (
    Eject,
    Encryption,
    Health,
    Judging,
    Limits,
    Mirror,
    Noise,
    Overload,
    Recheck,
    Side,
    Sticky,
    Table,
    Timeouts,
    encode,
)
from proxy.settings.addresses import Url
from proxy.settings.model import ListenTls, Settings, Twin
from proxy.settings.model import Side as SideSettings

# Fields that tell a client something; `*` at the end stands for any rest. Of set-cookie the names count, not values.
SIGNIFICANT = (
    "content-type",
    "content-language",
    "content-disposition",
    "location",
    "link",
    "allow",
    "retry-after",
    "cache-control",
    "vary",
    "www-authenticate",
    "access-control-*",
    "set-cookie",
)


def build_table(
    settings: Settings,
    folder: Path,
    authorities: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    endpoints: tuple[str, ...] = (),
    texts: Mapping[str, str] | None = None,
) -> Table:
    """
    The table of the very first start: epoch 1, the weight as configured. PEM files are looked for in `folder`; what
    they hold is in `authorities`, by their names. `values` are those of variables and files that routes name, by
    reference; `endpoints` those of an OpenAPI file; `texts` what the files of `tls` hold, by their names. Endpoints
    that have rules are configured ones too: what is told of them from the first request on is judged by these rules.

    The digest names the configuration: equal for equal settings and PEM files, on any machine with the same folder.
    What the first intent is made of isn't in it: a reload changes the digest, never the intent. Nor is the number of
    workers, which no reload changes.
    """
    held = authorities or {}
    mirror = settings.mirror.model_dump()
    table = Table(
        epoch=1,
        digest="",
        sides=(_build_side(settings.old, folder, held), _build_side(settings.new, folder, held)),
        weight=settings.weights.new,
        mirror=Mirror(**{**mirror, "credentials": settings.mirror.credentials == "forward"}),
        sticky=Sticky(keys=settings.sticky.key, salt=settings.sticky.salt),
        split=settings.data == "split",
        noise=Noise(
            sample=settings.noise.sample,
            per_second=settings.noise.per_second,
            learn_for=settings.noise.learn_for,
            expires=settings.noise.expires,
            twin=_build_twin(settings.noise.twin, folder, held),
        ),
        recheck=Recheck(**settings.compare.recheck.model_dump()),
        overload=Overload(**settings.overload.model_dump(), workers=settings.workers),
        judging=Judging(queue=settings.judge.queue),
        limits=Limits(**settings.limits.model_dump()),
        timeouts=Timeouts(**settings.timeouts.model_dump()),
        headers=compared_fields(settings.compare.headers),
        versions=(settings.old.version or "", settings.new.version or ""),
        cookie_attributes=settings.compare.cookies == "attributes",
        via=settings.via,
        pseudonym=settings.pseudonym,
        forwarded=settings.forwarded,
        add_date=settings.add_date,
        endpoints=tuple(dict.fromkeys((*settings.metrics.endpoints, *endpoints, *settings.compare.endpoints))),
        max_endpoints=settings.metrics.max_endpoints,
        routes=tuple(
            route.build((settings.old.url.authority, settings.new.url.authority), values or {})
            for route in settings.routes
        ),
        cohorts=tuple(cohort.build(folder, held) for cohort in settings.cohorts),
        claims_key=(values or {}).get(settings.claims.key or "", ""),
        tls=_build_encryption(settings.tls, folder, held, texts or {}),
        proxy_protocol=settings.proxy_protocol,
        trusted_proxies=settings.trusted_proxies,
        after_write=settings.sticky.after_write,
        streams=settings.drain.streams,
    )
    alike = with_intent(table, Intent(epoch=0, new=0.0, mirror=0.0))
    alike = replace(alike, overload=replace(alike.overload, workers=1))
    return replace(table, digest=sha256(encode(alike)).hexdigest()[:16])


def _build_encryption(
    tls: ListenTls, folder: Path, held: Mapping[str, str], texts: Mapping[str, str]
) -> Encryption | None:
    if tls.certificate is None or tls.key is None:
        return None
    named = [name for name in (tls.certificate, tls.key, tls.client_ca) if name is not None]
    pair = [texts.get(tls.certificate, ""), texts.get(tls.key, "")]
    return Encryption(
        certificate=str(folder / tls.certificate),
        key=str(folder / tls.key),
        client_ca=None if tls.client_ca is None else str(folder / tls.client_ca),
        handshakes=tls.handshakes,
        handshake_timeout=tls.handshake_timeout,
        files=" ".join(held.get(name, "") for name in named).strip(),
        pair="\n".join(pair) if all(pair) else "",
        authorities=texts.get(tls.client_ca or "", ""),
    )


def _build_twin(twin: Twin, folder: Path, held: Mapping[str, str]) -> Side | None:
    return None if twin.url is None else _build(twin, twin.url, folder, held)


def _build_side(side: SideSettings, folder: Path, held: Mapping[str, str]) -> Side:
    health = side.health
    return replace(
        _build(side, side.url, folder, held),
        eject=Eject(**side.eject.model_dump()),
        health=None if health.path is None else Health(**health.model_dump()),
    )


def _build(side: SideSettings | Twin, url: Url, folder: Path, held: Mapping[str, str]) -> Side:
    hosts = {"preserve": None, "upstream": url.authority}
    files = [side.tls.ca, side.tls.certificate, side.tls.key]
    ca, certificate, key = (None if name is None else str(folder / name) for name in files)
    return Side(
        scheme=url.scheme,
        address=url.host,
        port=url.port,
        base=url.base,
        host=hosts.get(side.host, side.host),
        server_name=side.tls.server_name or url.host,
        ca=ca,
        verify=side.tls.verify,
        addresses=side.addresses or ((f"unix:{url.socket}",) if url.socket else ()),
        certificate=certificate,
        key=key,
        files=" ".join(held.get(name, "") for name in files if name is not None),
    )


def compared_fields(chosen: str | tuple[str, ...]) -> tuple[str, ...]:
    """
    The header fields that `compare.headers` stands for; `*` at the end of one stands for any rest.
    """
    if isinstance(chosen, tuple):
        return chosen
    return ("*",) if chosen == "all" else SIGNIFICANT


def build_judging(settings: Settings, version: int, values: Mapping[str, str] | None = None) -> JudgingTable:
    """
    What pairs are judged by, as far as the configuration says. `values` as for `build_table`: sides may repeat those
    that they get.
    """
    compare = settings.compare
    held = values or {}
    giving = (one for route in settings.routes for one in (route.old, route.new, route.shadow))
    named = dict.fromkeys(reference for one in giving for reference in one.elsewhere())
    return JudgingTable(
        version=version,
        rules=compare.rules(),
        by_endpoint=compare.endpoints,
        by_route={route.name: rules for route in settings.routes if (rules := route.compare.rules())},
        redact=Redaction(
            **settings.redact.model_dump(), secrets=tuple(held[reference] for reference in named if reference in held)
        ),
        largest=settings.judge.max_decoded,
        max_seconds=settings.judge.max_seconds,
    )
