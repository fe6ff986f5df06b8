"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const form = byId("sim-form"), answer = byId("sim-answer");
  const times = JSON.parse(byId("sim-times").textContent), start = JSON.parse(byId("sim-settings").textContent);
  const PAYLOAD = 1460, OVERHEAD = 78;
  const wire = (bytes) => 8 * (bytes + OVERHEAD * Math.max(1, Math.ceil(bytes / PAYLOAD)));

  // Milliseconds on the profiled machine: interpolated between profiled sizes, proportional to the pixels outside of them.
  const alone = (method, pixels) => {
    const [p0, t0] = times[method].small, [p1, t1] = times[method].large;
    if (pixels >= p1) return t1 * pixels / p1;
    if (pixels <= p0) return t0 * pixels / p0;
    return Math.exp(Math.log(t0) + Math.log(t1 / t0) * Math.log(pixels / p0) / Math.log(p1 / p0));
  };
  // Mean wait before one of c places, in the unit of `service`; `load` is the share of the time in which a place is at work.
  const wait = (load, service, c, spread) => (load >= 1 ? Infinity
    : load ** (Math.sqrt(2 * (c + 1)) - 1) / (c * (1 - load)) * service * (1 + spread ** 2) / 2);

  const compute = (v) => {
    const [height, width] = v.size.split("x").map(Number), pixels = height * width;
    const raw = wire(v.bits_per_pixel * pixels / 8), big = wire(v.growth * v.bits_per_pixel * pixels / 8);
    const mean = alone(v.method, pixels) * Math.sqrt(1 + start.spread ** 2);
    const dark = v.cameras * v.fps * v.duty;
    const perBox = Math.ceil(v.cameras / v.switches) * v.fps * v.duty;
    const box = perBox * mean / v.edge_speed / 1000 / v.edge_places, cloud = dark * mean / v.cloud_speed / 1000 / v.cloud_places;
    const edgeFlow = v.video * 1e6 + v.fps * (v.duty * big + (1 - v.duty) * raw), cloudFlow = v.video * 1e6 + v.fps * raw;
    const whole = v.switches > 1 ? Math.floor(v.switches / 2) / v.switches : 0, cut = (v.switches - 1) / v.switches;
    const ring = (flow, share) => v.cameras * flow * share / (v.ring * 1e6);
    const up = dark * raw / (v.uplink * 1e6), down = dark * big / (v.uplink * 1e6);
    const access = raw / Math.max(v.access - v.video, v.access / 100) / 1e3;
    const send = (bits, load) => { const ms = bits / v.uplink / 1e3; return ms + wait(load, ms, 1, 0) + v.uplink_ms; };
    const packet = 8 * (PAYLOAD + OVERHEAD) / v.uplink / 1e3;
    const climb = Math.max(raw / v.uplink / 1e3 - access, 0) + packet + wait(up, raw / v.uplink / 1e3, 1, 0) + v.uplink_ms;
    const edgeAge = access + mean / v.edge_speed + wait(box, mean / v.edge_speed, v.edge_places, start.spread);
    const cloudAge = access + climb + mean / v.cloud_speed + wait(cloud, mean / v.cloud_speed, v.cloud_places, start.spread) + send(big, down);
    return {
      rows: [
        ["Busiest box", box, 0], ["Cloud", 0, cloud], ["Busiest link of the ring", ring(edgeFlow, whole), ring(cloudFlow, whole)],
        ["… with one link cut", ring(edgeFlow, cut), ring(cloudFlow, cut)], ["Uplink, the busier direction", 0, Math.max(up, down)],
      ],
      edge: ring(edgeFlow, whole) >= 1 ? Infinity : edgeAge, cloud: ring(cloudFlow, whole) >= 1 ? Infinity : cloudAge,
      carries: v.duty > 0 ? Math.floor(v.edge_places / (v.fps * v.duty * mean / v.edge_speed / 1000)) : Infinity,
    };
  };

  const share = (x) => (x === 0 ? "—" : `${(100 * x).toFixed(x < 0.1 ? 1 : 0)} %${x >= 1 ? ", too much" : ""}`);
  const age = (x) => (Number.isFinite(x) ? `${x.toFixed(x < 10 ? 1 : 0)} ms` : "no steady state");
  const element = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text }, attributes);
  const show = () => {
    if (!form.checkValidity()) { answer.replaceChildren(element("p", "One of the values is out of its range.")); return; }
    const values = Object.fromEntries([...new FormData(form)].map(([key, text]) => [key, key === "method" || key === "size" ? text : Number(text)]));
    const found = compute(values);
    const table = element("table", "", { className: "plain" }), body = element("tbody", "");
    const head = element("tr", "");
    for (const text of ["", "Enhanced at the edge", "Enhanced in the cloud"]) head.append(element("th", text, { scope: "col" }));
    const top = element("thead", "");
    top.append(head);
    for (const [name, edge, cloud] of [["Mean age of enhanced frames", age(found.edge), age(found.cloud)], ...found.rows.map(([n, e, c]) => [n, share(e), share(c)])]) {
      const row = element("tr", "");
      row.append(element("th", name, { scope: "row" }), element("td", edge), element("td", cloud));
      body.append(row);
    }
    const scroll = element("div", "", { className: "scroll" });
    scroll.append(table);
    table.append(element("caption", "Shares of the time in which each is busy"), top, body);
    const verdict = !Number.isFinite(found.edge) && !Number.isFinite(found.cloud) ? "Neither place can do it."
      : found.edge <= found.cloud ? "The edge is faster." : "The cloud is faster.";
    const most = Number.isFinite(found.carries) ? ` A box is always at work with ${found.carries} cameras.` : "";
    answer.replaceChildren(element("p", verdict + most, { className: "small" }), scroll);
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
})();
