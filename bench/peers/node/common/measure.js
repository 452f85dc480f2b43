// What a number of tasks took in this process, and how late they were, in the words of all peers.

/** A point in time, and the processor time that this process had used by then. */
export function now() {
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), cpuMs: (user + system) / 1_000 };
}

export function costOf(tasks, from, to) {
  const seconds = (to.at - from.at) / 1_000;
  return {
    tasks,
    seconds,
    tasks_per_second: tasks / seconds,
    cpu_ms_per_1000: ((to.cpuMs - from.cpuMs) * 1_000) / tasks,
    max_rss_mb: process.resourceUsage().maxRSS / 1_024,
  };
}

/** Counts what is handled of a backlog, and measures from a tenth of it to all. */
export class Drain {
  #tasks;
  #tenth;
  #handled = 0;
  #from;
  #cost = Promise.withResolvers();

  constructor(tasks) {
    this.#tasks = tasks;
    this.#tenth = Math.max(Math.floor(tasks / 10), 1);
  }

  handle() {
    this.#handled += 1;
    if (this.#handled === this.#tenth) this.#from = now();
    if (this.#handled === this.#tasks) this.#cost.resolve(costOf(this.#tasks - this.#tenth, this.#from, now()));
  }

  get measured() {
    return this.#cost.promise;
  }
}

/** How late each task was, in milliseconds; less than zero is too early. */
export class Sightings {
  #late = [];
  #wanted;
  #skip;
  #summary = Promise.withResolvers();

  constructor(wanted, skip) {
    this.#wanted = wanted;
    this.#skip = skip;
  }

  handle(payload) {
    if (this.#late.length === this.#wanted) return;
    this.#late.push(performance.timeOrigin + performance.now() - payload.at_unix_ns / 1e6);
    if (this.#late.length < this.#wanted) return;
    const sorted = this.#late.slice(this.#skip).sort((a, b) => a - b);
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    this.#summary.resolve({ min_ms: at(0), p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) });
  }

  get measured() {
    return this.#summary.promise;
  }
}
