// One half of a measurement: its words, its end, and the lines it prints.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Drain, Sightings, costOf, now } from "./measure.js";
import { at, plain } from "./payload.js";

/** Ends a measurement that hangs. */
const PATIENCE_MS = 300_000;

const options = {
  postgres: { type: "string" },
  tasks: { type: "string", default: "20000" },
  callers: { type: "string", default: "1" },
  batch: { type: "string", default: "1" },
  concurrency: { type: "string", default: "10" },
  skip: { type: "string", default: "0" },
  "per-second": { type: "string", default: "4" },
  jitter: { type: "string", default: "0.2" },
  tuned: { type: "boolean", default: false },
};

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Of the package, as it is installed. */
function version(name) {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}

function words() {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const number = (name) => Number(values[name]);
  return {
    command: positionals[0],
    postgres: values.postgres,
    isTuned: values.tuned,
    tasks: number("tasks"),
    callers: number("callers"),
    batch: number("batch"),
    concurrency: number("concurrency"),
    skip: number("skip"),
    perSecond: number("per-second"),
    jitter: number("jitter"),
  };
}

/**
 * Runs the half that the command line asks for. A peer has `prepare(words)`, `producer(words)` with `insert(payloads)`
 * and `end()`, and `worker(words, handle)` with `knobs` and `end()`.
 */
export async function run(name, peer) {
  const it = words();
  const commands = { prepare, enqueue, pace, drain, lateness };
  const command = commands[it.command];
  if (!command || !it.postgres) {
    process.stderr.write(`usage: ${name} ${Object.keys(commands).join("|")} --postgres URL [--tuned] [flags]\n`);
    process.exit(2);
  }
  setTimeout(() => fail(`not done after ${PATIENCE_MS} ms`), PATIENCE_MS).unref();
  try {
    const { knobs, measured } = await command(peer, it);
    say({ result: { peer: name, version: version(name), command: it.command, knobs, measured } });
  } catch (error) {
    fail(error.stack);
  }
  process.exit(0);
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

async function prepare(peer, it) {
  await peer.prepare(it);
  return {};
}

async function enqueue(peer, it) {
  const producer = await peer.producer(it);
  const from = now();
  let left = it.tasks;
  const caller = async () => {
    while (left > 0) {
      const count = Math.min(it.batch, left);
      left -= count;
      await producer.insert(Array.from({ length: count }, plain));
    }
  };
  await Promise.all(Array.from({ length: it.callers }, caller));
  const measured = costOf(it.tasks, from, now());
  await producer.end();
  return { knobs: { callers: it.callers, batch: it.batch }, measured };
}

/** A late call does not put off the next. */
async function pace(peer, it) {
  const producer = await peer.producer(it);
  const from = now();
  const distance = 1_000 / it.perSecond;
  const calls = [];
  for (let i = 0; i < it.tasks; i += 1) {
    const due = from.at + (i + it.jitter * (2 * Math.random() - 1)) * distance;
    await new Promise((resolve) => setTimeout(resolve, Math.max(due - performance.now(), 0)));
    calls.push(producer.insert([at(performance.timeOrigin + performance.now())]));
  }
  await Promise.all(calls);
  const measured = costOf(it.tasks, from, now());
  await producer.end();
  return { knobs: { per_second: it.perSecond, jitter: it.jitter }, measured };
}

const drain = (peer, it) => work(peer, it, new Drain(it.tasks));

const lateness = (peer, it) => work(peer, it, new Sightings(it.tasks, it.skip));

async function work(peer, it, counted) {
  // Nobody would read the result of one whose starter has gone.
  process.stdin.on("end", () => fail("standard input ended before the work was done")).resume();
  const worker = await peer.worker(it, (payload) => counted.handle(payload));
  say({ ready: {} });
  const measured = await counted.measured;
  await worker.end();
  return { knobs: worker.knobs, measured };
}
