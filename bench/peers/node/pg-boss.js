// pg-boss' side of the benchmark on Postgres.

import { PgBoss } from "pg-boss";
import { run } from "./common/half.js";
import { TYPE } from "./common/payload.js";

/** What it fetches at once when it is tuned, and from how many loops. */
const BATCH = 1_000;
const LOOPS = 2;

async function boss(it) {
  const boss = new PgBoss({ connectionString: it.postgres, schedule: false, useListenNotify: it.isTuned });
  boss.on("error", (error) => process.stderr.write(`${error.stack}\n`));
  await boss.start();
  return boss;
}

await run("pg-boss", {
  async prepare(it) {
    const prepared = await boss(it);
    await prepared.createQueue(TYPE, { notify: it.isTuned });
    await prepared.stop();
  },

  async producer(it) {
    const producer = await boss(it);
    const insert = ([first, ...others]) =>
      others.length === 0
        ? producer.send(TYPE, first)
        : producer.insert(TYPE, [first, ...others].map((data) => ({ data })));
    return { insert, end: () => producer.stop() };
  },

  async worker(it, handle) {
    const knobs = it.isTuned
      ? { batchSize: BATCH, localConcurrency: LOOPS, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true, notify: true }
      : { batchSize: it.concurrency };
    const { notify, ...options } = knobs;
    const worker = await boss(it);
    await worker.work(TYPE, options, async (jobs) => {
      for (const job of jobs) handle(job.data);
    });
    return { knobs, end: () => worker.stop() };
  },
});
