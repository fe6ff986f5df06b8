"""The light transport: one megakernel per picture that follows camera rays through both light states at once (needs mitsuba).

Every surface point takes its direct light from one lamp a state, chosen among all of them with probability proportional to what the
lamp would give without shadows (resampled importance sampling with one reservoir: Talbot et al., EGSR 2005), so the noise left is that
of visibility alone. One further bounce follows the material; at its end direct light is taken once more, on the diffuse part.
Dust scatters light once: a point on the camera ray, placed by equiangular sampling (Kulla and Fajardo, EGSR 2012), is lit by one lamp.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import drjit as dr
import mitsuba as mi
import numpy as np

FLOATS_A_LAMP = 16
"""Position 3, radius, axis 3, cosine of the cut-off, even light rgb, cosine of the full beam, working light rgb, half length along z."""
_STEPS = [1 / 1.0743 ** (k + 1) for k in range(12)]  # Roberts' R sequence in 12 dimensions: powers of the inverse generalised golden ratio
_CLAMP = 40.0
_BOUNCE_EVERY, _AIR_EVERY = 4, 2
"""The bounce costs three times what direct light does and is a twentieth of the radiance; air is smooth: both take fewer samples."""


class Tables(NamedTuple):
    """What the kernel looks up by shape: columns of equal length, indexed by Dr.Jit's registry number of the shape.

    Attributes:
        label: class of the mask.
        retro: weight of the lobe that returns light to where it comes from, 0 for most.
        even: emitted radiance in the even state, rgb flattened.
        working: emitted radiance in the working state, rgb flattened.
    """

    label: Any
    retro: Any
    even: Any
    working: Any


def _spot(cosine: Any, cut: Any, beam: Any) -> Any:
    x = dr.clip((cosine - cut) / (beam - cut), 0, 1)
    return x * x * (3 - 2 * x)


def _luminance(colour: Any) -> Any:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _lamp(data: Any, index: Any) -> tuple[Any, Any, Any, Any]:
    # Four gathers of four floats each.
    return tuple(dr.gather(mi.Vector4f, data, index * 4 + k) for k in range(4))


@dr.syntax
def _choose(data: Any, count: Any, p: Any, n: Any, view: Any, xe: Any, xw: Any, active: Any) -> Any:
    """Chooses a lamp a state; returns both indices and both inverse probabilities (0 where no lamp gives light)."""
    i, ie, iw = mi.UInt32(0), mi.UInt32(0), mi.UInt32(0)
    se, sw, we, ww = mi.Float(0), mi.Float(0), mi.Float(0), mi.Float(0)
    while active & (i < count):
        place, axis, even, working = _lamp(data, i)
        to = mi.Vector3f(place[0], place[1], place[2]) - p
        d2 = dr.squared_norm(to) + place[3] * place[3]
        wi = to / dr.sqrt(d2)
        cone = _spot(-(wi[0] * axis[0] + wi[1] * axis[1] + wi[2] * axis[2]), axis[3], even[3])
        half = dr.normalize(wi + view)
        gloss = dr.maximum(dr.dot(n, half), 0)
        gloss = dr.square(dr.square(dr.square(dr.square(dr.square(gloss)))))  # to the power 32, then 128
        gloss = dr.square(dr.square(gloss))
        g = cone * (dr.maximum(dr.dot(n, wi), 0) + 0.02) * (1 + 6 * gloss) / d2
        a = g * _luminance(even)
        b = g * _luminance(working)
        se += a
        sw += b
        pe = dr.select(a > 0, a / se, 0)
        take = xe < pe
        xe = dr.select(take, xe / pe, (xe - pe) / dr.maximum(1 - pe, 1e-7))
        ie = dr.select(take, i, ie)
        we = dr.select(take, a, we)
        pw = dr.select(b > 0, b / sw, 0)
        keep = xw < pw
        xw = dr.select(keep, xw / pw, (xw - pw) / dr.maximum(1 - pw, 1e-7))
        iw = dr.select(keep, i, iw)
        ww = dr.select(keep, b, ww)
        i += 1
    return ie, dr.select(we > 0, se / we, 0), iw, dr.select(ww > 0, sw / ww, 0)


def _light(scene: Any, data: Any, index: Any, working: bool, si: Any, u: Any, active: Any) -> tuple[Any, Any]:
    """Unoccluded-or-zero irradiance per cosine from one lamp at a surface point, and the direction to the lamp."""
    place, axis, even, work = _lamp(data, index)
    height = 1 - 2 * u[0]  # a point on the unit sphere
    ring = dr.sqrt(dr.maximum(1 - height * height, 0))
    sine, cosine = dr.sincos(2 * dr.pi * u[1])
    jitter = mi.Vector3f(ring * cosine, ring * sine, height)
    at = mi.Point3f(place[0], place[1], place[2]) + jitter * place[3] + mi.Vector3f(0, 0, 1) * (work[3] * (2 * u[2] - 1))
    to = at - si.p
    d2 = dr.maximum(dr.squared_norm(to), 1e-4)
    wi = to / dr.sqrt(d2)
    cone = _spot(-(wi[0] * axis[0] + wi[1] * axis[1] + wi[2] * axis[2]), axis[3], even[3])
    power = mi.Color3f(work[0], work[1], work[2]) if working else mi.Color3f(even[0], even[1], even[2])
    # A lamp stands inside its own visible glass: the shadow ray ends short of it.
    short = place[3] * 1.2 + 0.02
    ray = si.spawn_ray_to(mi.Point3f(at - wi * dr.minimum(short, dr.sqrt(d2) * 0.5)))
    lit = active & (cone > 0) & ~scene.ray_test(ray, active)
    return dr.select(lit, power * cone / d2, 0), wi


@dr.syntax
def _scatter(data: Any, count: Any, origin: Any, direction: Any, length: Any, x: Any, active: Any) -> Any:
    """Chooses a lamp of the working state for a camera ray through dust; returns its index and the inverse probability."""
    i, chosen = mi.UInt32(0), mi.UInt32(0)
    total, weight = mi.Float(0), mi.Float(0)
    while active & (i < count):
        place, _axis, _even, working = _lamp(data, i)
        to = mi.Vector3f(place[0], place[1], place[2]) - mi.Vector3f(origin)
        along = dr.dot(to, direction)
        h = dr.sqrt(dr.maximum(dr.squared_norm(to) - along * along, 1e-3))
        a = _luminance(working) * (dr.atan((length - along) / h) - dr.atan(-along / h)) / h
        total += a
        p = dr.select(a > 0, a / total, 0)
        take = x < p
        x = dr.select(take, x / p, (x - p) / dr.maximum(1 - p, 1e-7))
        chosen = dr.select(take, i, chosen)
        weight = dr.select(take, a, weight)
        i += 1
    return chosen, dr.select(weight > 0, total / weight, 0)


def _air(scene: Any, data: Any, chosen: Any, inverse: Any, ray: Any, length: Any, u: Any, beta: Any, active: Any) -> Any:
    """Radiance that dust sends along a camera ray from one chosen lamp (isotropic phase function)."""
    place, axis, even, working = _lamp(data, chosen)
    at = mi.Point3f(place[0], place[1], place[2])
    to = at - ray.o
    along = dr.dot(to, ray.d)
    h = dr.sqrt(dr.maximum(dr.squared_norm(to) - along * along, 1e-3))
    first, last = dr.atan(-along / h), dr.atan((length - along) / h)
    t = dr.clip(along + h * dr.tan(first + (last - first) * u), 0, length)
    point = ray.o + ray.d * t
    gap = at - point
    d2 = dr.maximum(dr.squared_norm(gap), 1e-3)
    d = dr.sqrt(d2)
    wi = gap / d
    cone = _spot(-(wi[0] * axis[0] + wi[1] * axis[1] + wi[2] * axis[2]), axis[3], even[3])
    lit = active & (cone > 0) & (inverse > 0)
    shadow = mi.Ray3f(point, wi, dr.maximum(d - place[3] * 1.2 - 0.02, 0.01), 0.0, [])
    lit &= ~scene.ray_test(shadow, lit)
    # pdf of t is h / ((last - first) (h^2 + (t - along)^2)); the lamp's falloff 1 / d^2 cancels most of it.
    near = (dr.square(h) + dr.square(t - along)) * (last - first) / h
    value = mi.Color3f(working[0], working[1], working[2]) * cone * dr.exp(-beta * (t + d)) * (near / d2 * inverse * beta / (4 * dr.pi))
    return dr.select(lit, value, 0)


@dr.syntax
def _kernel(
    scene: Any,
    sensor: Any,
    width: int,
    height: int,
    data: Any,
    count: Any,
    tables: Tables,
    spp: Any,
    seed: Any,
    beta: Any,
    barrel: Any,
    bounce: bool,
) -> Any:
    """Follows `spp` camera rays a pixel; returns sums over them."""
    pixel = dr.arange(mi.UInt32, width * height)
    shift = mi.PCG32(size=width * height, initstate=mi.UInt64(pixel) + (mi.UInt64(seed) << 32))
    offset = [shift.next_float32() for _ in range(14)]
    x0, y0 = mi.Float(pixel % width), mi.Float(pixel // width)
    even, working, air, albedo = mi.Color3f(0), mi.Color3f(0), mi.Color3f(0), mi.Color3f(0)
    normal = mi.Vector3f(0)
    distance = mi.Float(0)
    votes = mi.UInt64(0)
    context = mi.BSDFContext()
    k = mi.UInt32(0)
    label_of, retro_of, even_of, working_of = tables
    rng = mi.PCG32(size=width * height, initstate=mi.UInt64(pixel) + (mi.UInt64(seed) << 32), initseq=mi.UInt64(7))
    while k < spp:
        kf = mi.Float(k + 1)
        u = [dr.fma(kf, _STEPS[j], offset[j]) for j in range(12)]
        u = [v - dr.floor(v) for v in u]
        film_x, film_y = 2 * (x0 + u[0]) / width - 1, (2 * (y0 + u[1]) - height) / width
        stretch = 0.5 + 0.5 * barrel * (film_x * film_x + film_y * film_y)
        film = mi.Point2f(0.5 + film_x * stretch, 0.5 + film_y * stretch * (width / height))
        ray, _ = sensor.sample_ray(0.0, 0.5, film, mi.Point2f(0.5, 0.5))
        si = scene.ray_intersect(ray)
        hit = si.is_valid()
        shape = dr.reinterpret_array(mi.UInt32, si.shape)
        bsdf = si.bsdf(ray)
        n = mi.Vector3f(dr.select(dr.dot(si.sh_frame.n, ray.d) > 0, -si.sh_frame.n, si.sh_frame.n))
        alb = bsdf.eval_diffuse_reflectance(si, hit)
        glow_e = dr.gather(mi.Color3f, even_of, shape, hit)
        glow_w = dr.gather(mi.Color3f, working_of, shape, hit)
        retro = dr.gather(mi.Float, retro_of, shape, hit)
        label = dr.gather(mi.UInt32, label_of, shape, hit)
        ie, pe, iw, pw = _choose(data, count, si.p, n, -ray.d, mi.Float(u[2]), mi.Float(u[3]), hit)
        le, de = _light(scene, data, ie, False, si, (u[4], u[5], u[6]), hit & (pe > 0))
        lw, dw = _light(scene, data, iw, True, si, (u[4], u[5], u[6]), hit & (pw > 0))
        # eval() holds the cosine; the retro-reflecting lobe is a narrow one about the way back, about 6 degrees wide.
        fe = bsdf.eval(context, si, si.to_local(de), hit) + retro * alb * dr.exp((-dr.dot(de, ray.d) - 1) * 180) * dr.maximum(
            dr.dot(n, de), 0
        )
        fw = bsdf.eval(context, si, si.to_local(dw), hit) + retro * alb * dr.exp((-dr.dot(dw, ray.d) - 1) * 180) * dr.maximum(
            dr.dot(n, dw), 0
        )
        re, rw = glow_e + fe * le * pe, glow_w + fw * lw * pw
        if dr.hint(bounce, mode="scalar"):
            turn = hit & (k % _BOUNCE_EVERY == 0)
            sample, weight = bsdf.sample(context, si, u[7], mi.Point2f(u[8], u[9]), turn)
            weight *= _BOUNCE_EVERY
            go = turn & (dr.max(weight) > 0)
            second = scene.ray_intersect(si.spawn_ray(si.to_world(sample.wo)), mi.RayFlags.All, False, go)
            go &= second.is_valid()
            away = -si.to_world(sample.wo)
            m = mi.Vector3f(dr.select(dr.dot(second.sh_frame.n, away) < 0, -second.sh_frame.n, second.sh_frame.n))
            diffuse = second.bsdf().eval_diffuse_reflectance(second, go) * dr.inv_pi
            je, qe, jw, qw = _choose(data, count, second.p, m, away, mi.Float(u[10]), mi.Float(u[11]), go)
            v = (rng.next_float32(), rng.next_float32(), rng.next_float32())
            be, ce = _light(scene, data, je, False, second, v, go & (qe > 0))
            bw, cw = _light(scene, data, jw, True, second, v, go & (qw > 0))
            re += dr.select(go, weight * diffuse * be * (qe * dr.maximum(dr.dot(m, ce), 0)), 0)
            rw += dr.select(go, weight * diffuse * bw * (qw * dr.maximum(dr.dot(m, cw), 0)), 0)
        length = dr.select(hit, si.t, 100.0)
        scattered = (beta > 0) & (k % _AIR_EVERY == 1)
        chosen, inverse = _scatter(data, count, ray.o, ray.d, length, rng.next_float32(), scattered)
        glow = _air(scene, data, chosen, inverse, ray, length, rng.next_float32(), beta, scattered)
        air += _AIR_EVERY * dr.minimum(glow, _CLAMP)
        even += dr.minimum(dr.select(hit, re, 0), _CLAMP)
        working += dr.minimum(dr.select(hit, rw, 0), _CLAMP) * dr.exp(-beta * length)
        albedo += dr.select(hit, alb, 0)
        normal += dr.select(hit, n, 0)
        distance += length
        votes += dr.select(k < 15, mi.UInt64(1) << mi.UInt64(label * 4), mi.UInt64(0))
        k += 1
    return even, working, air, albedo, normal, distance, votes


def trace(
    scene: Any,
    size: tuple[int, int],
    lamps: np.ndarray,
    tables: Tables,
    haze: float,
    barrel: float,
    spp: int,
    seed: int,
    bounce: bool = True,
) -> dict[str, np.ndarray]:
    """Renders a scene of shapes without emitters.

    Args:
        scene: mitsuba scene with one sensor.
        size: height and width in pixels.
        lamps: N x 16 float32, see `FLOATS_A_LAMP`; intensities in W/sr (any unit, all the same).
        tables: what shapes are and emit.
        haze: scattering of dust in the working state, 1/m; the even state is without dust here.
        barrel: distortion, see `lle.data.mine.scene.Camera`.
        spp: camera rays a pixel, a multiple of 4.
        seed: of the noise.
        bounce: adds one indirect bounce.

    Returns:
        `even`, `working` (dimmed by dust) and `air` (light that dust scatters in the working state), `albedo` and `normal`,
        H x W x 3 float32; `distance` along the ray, H x W float32, m; `mask`, H x W uint8, the class most of the first 15 rays hit.

    Raises:
        ValueError: spp is no multiple of 4.
    """
    if spp % _BOUNCE_EVERY:
        raise ValueError(f"spp must be a multiple of {_BOUNCE_EVERY}, and is {spp}")
    height, width = size
    data = mi.Float(np.ascontiguousarray(lamps, np.float32).ravel())
    beta, bend = dr.opaque(mi.Float, haze), dr.opaque(mi.Float, barrel)
    count, rays, start = (dr.opaque(mi.UInt32, value) for value in (len(lamps), spp, seed))
    sums = _kernel(scene, scene.sensors()[0], width, height, data, count, tables, rays, start, beta, bend, bounce)
    dr.eval(*sums)
    names = ("even", "working", "air", "albedo", "normal")
    out = {name: np.array(value).T.reshape(height, width, 3).astype(np.float32) / spp for name, value in zip(names, sums[:5], strict=True)}
    out["distance"] = np.array(sums[5]).reshape(height, width).astype(np.float32) / spp
    counts = np.array(sums[6]).astype(np.uint64)
    nibbles = np.stack([(counts >> np.uint64(4 * k)) & np.uint64(15) for k in range(16)], -1)
    out["mask"] = nibbles.argmax(-1).reshape(height, width).astype(np.uint8)
    return out
