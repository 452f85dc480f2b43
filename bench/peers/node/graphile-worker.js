// graphile-worker's side of the benchmark on Postgres.

import { Logger, makeWorkerUtils, run as start, runMigrations } from "graphile-worker";
import pg from "pg";
import { run } from "./common/half.js";
import { TYPE } from "./common/payload.js";

/** How many tasks it holds when it is tuned, and how long it collects those that are done. */
const LOCAL_QUEUE = 500;
const COMPLETE_DELAY_MS = 0;

const logger = new Logger(() => (level, message) => {
  if (level === "error") process.stderr.write(`${message}\n`);
});

function pool(it, max) {
  const pool = new pg.Pool({ connectionString: it.postgres, max });
  const report = (error) => process.stderr.write(`${error.stack}\n`);
  pool.on("error", report);
  pool.on("connect", (client) => client.on("error", report));
  return pool;
}

await run("graphile-worker", {
  prepare: (it) => runMigrations({ connectionString: it.postgres, logger }),

  async producer(it) {
    const pgPool = pool(it, 8);
    const utils = await makeWorkerUtils({ pgPool, logger });
    const insert = ([first, ...others]) =>
      others.length === 0
        ? utils.addJob(TYPE, first)
        : utils.addJobs([first, ...others].map((payload) => ({ identifier: TYPE, payload })));
    return {
      insert,
      async end() {
        await utils.release();
        await pgPool.end();
      },
    };
  },

  async worker(it, handle) {
    const knobs = {
      concurrentJobs: it.concurrency,
      ...(it.isTuned && {
        localQueue: { size: Math.max(LOCAL_QUEUE, it.concurrency + 1) },
        completeJobBatchDelay: COMPLETE_DELAY_MS,
        failJobBatchDelay: COMPLETE_DELAY_MS,
      }),
    };
    const pgPool = pool(it, 10);
    const runner = await start({
      preset: { worker: knobs },
      pgPool,
      logger,
      noHandleSignals: true,
      taskList: { [TYPE]: async (payload) => handle(payload) },
    });
    return {
      knobs,
      async end() {
        await runner.stop();
        await pgPool.end();
      },
    };
  },
});
