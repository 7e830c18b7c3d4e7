import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Logger } from '@nestjs/common';
import { FailureEpisode } from '../../logging/failure-episode.js';
import { makeFolder } from '../../make-folder.js';
import { shortly } from '../../store-guard.js';
import { StoreUnavailable } from '../../store-unavailable.js';

/** How long a call may wait for another process's write, milliseconds; SQLite blocks the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 250;
/** Between two tries where SQLite itself does not wait, milliseconds. */
const BUSY_RETRY_MS = 5;
/** After a failure nothing is tried for so long, so that a locked file costs one wait and not one per request. */
const REST_MS = 5_000;

const SCHEMA = `
  CREATE TABLE turns (
    tenant TEXT NOT NULL, session TEXT NOT NULL, id TEXT NOT NULL,
    expires_at INTEGER NOT NULL, document TEXT NOT NULL,
    UNIQUE (tenant, session, id)
  );
  CREATE INDEX turns_by_expiry ON turns (expires_at);
  CREATE TABLE sessions (
    tenant TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    turn_count INTEGER NOT NULL, cost_usd REAL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) WITHOUT ROWID;
  CREATE INDEX sessions_by_update ON sessions (tenant, updated_at, id);
`;

/** When sessions were erased, epoch milliseconds. */
const ERASURES = `
  CREATE TABLE erasures (
    tenant TEXT NOT NULL, session TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session)
  ) WITHOUT ROWID;
  CREATE INDEX erasures_by_time ON erasures (at);
`;

/** The latest turns that a session's entry counts, so that one that is told twice counts once. */
const COUNTED = "ALTER TABLE sessions ADD COLUMN counted TEXT NOT NULL DEFAULT ''";

/** USD a calendar month (`yyyy-mm`, UTC), by user. */
const SPEND = `
  CREATE TABLE spend (
    month TEXT NOT NULL, user TEXT NOT NULL, usd REAL NOT NULL,
    PRIMARY KEY (month, user)
  ) WITHOUT ROWID;
`;

/** Targets that were taken out of rotation or put back, and when, epoch milliseconds. */
const DRAINS = `
  CREATE TABLE drains (
    target TEXT NOT NULL PRIMARY KEY, drained INTEGER NOT NULL, at INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

/**
 * What requests used, by day (`yyyy-mm-dd`, UTC) and who asked which model; the latest batch of each replica that is in it; who
 * has some that is not.
 */
const USAGE = `
  CREATE TABLE usage (
    day TEXT NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL, model TEXT NOT NULL, target TEXT NOT NULL,
    requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL, saved_nano_usd INTEGER NOT NULL,
    unpriced_requests INTEGER NOT NULL,
    PRIMARY KEY (day, tenant, user, model, target)
  ) WITHOUT ROWID;
  CREATE TABLE usage_batches (
    replica TEXT NOT NULL, month TEXT NOT NULL, tenant TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (replica, month, tenant)
  ) WITHOUT ROWID;
  CREATE TABLE usage_writers (
    replica TEXT NOT NULL PRIMARY KEY, written_until TEXT NOT NULL, version TEXT NOT NULL
  ) WITHOUT ROWID;
`;

/**
 * The latest requests, a batch a row: the places of its first and its last, and a line for each of them in `keys` and in `records`;
 * which places are taken and kept; what users said, by place.
 */
const REQUESTS = `
  CREATE TABLE requests (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, keys TEXT NOT NULL, records TEXT NOT NULL
  );
  CREATE TABLE request_places (newest INTEGER NOT NULL, oldest INTEGER NOT NULL);
  INSERT INTO request_places VALUES (0, 1);
  CREATE TABLE request_feedback (place INTEGER PRIMARY KEY, feedback TEXT NOT NULL);
`;

/** Each leads from the version of its index to the next one. */
const MIGRATIONS = [SCHEMA, ERASURES, COUNTED + ';' + SPEND + DRAINS, USAGE, REQUESTS];
const SCHEMA_VERSION = MIGRATIONS.length;

class UnwritableFolder extends Error {
  readonly code: string | undefined;

  constructor(folder: string, cause: NodeJS.ErrnoException) {
    super(
      `the folder ${folder} cannot be written to (${cause.code}): let user ${process.getuid?.()} write there (in a ` +
        'container: mount a volume), or name another folder with ROUTER_DATA_DIR',
      { cause },
    );
    this.code = cause.code;
  }
}

interface OpenFile {
  readonly database: DatabaseSync;
  readonly statements: Map<string, StatementSync>;
}

/**
 * One SQLite file, shared by the adapters and by other processes (WAL). Opened on first use and again after a failure
 * has rested, so that the service starts and runs without it. A commit survives the end of this process at once;
 * a power cut can take the latest ones (`synchronous=NORMAL`), because an fsync per turn would block every stream.
 */
export class SqliteFile {
  private readonly logger = new Logger('stores');
  private readonly outage = new FailureEpisode();
  private open: OpenFile | null = null;
  private failure: { readonly reason: string; readonly shown: string; readonly at: number } | null = null;
  private closed = false;
  private dataVersion = 0;

  /** @param now epoch milliseconds */
  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Runs `work` with the kept statements. A failure of the file is remembered, logged once, and every call within the
   * next 5 s fails at once.
   *
   * @throws StoreUnavailable
   */
  use<T>(work: (prepare: (sql: string) => StatementSync) => T): T {
    if (this.closed) throw new StoreUnavailable('SQLite: closed');
    if (this.failure && this.now() - this.failure.at < REST_MS) throw new StoreUnavailable(this.failure.reason);
    try {
      const file = (this.open ??= openFile(this.path));
      if (this.failure) writeProbe(file.database);
      const result = work((sql) => prepared(file, sql));
      this.recovered();
      return result;
    } catch (error) {
      if (this.open && !isSqliteError(error)) throw error; // a defect of ours says nothing about the file
      throw this.failed(error as Error);
    }
  }

  /** `use`, all or nothing. @throws StoreUnavailable */
  transaction<T>(work: (prepare: (sql: string) => StatementSync) => T): T {
    return this.use((prepare) => {
      prepare('BEGIN IMMEDIATE').run();
      try {
        const result = work(prepare);
        prepare('COMMIT').run();
        return result;
      } catch (error) {
        prepare('ROLLBACK').run();
        throw error;
      }
    });
  }

  /** Whether something was kept in it. */
  get exists(): boolean {
    return this.open !== null || existsSync(this.path);
  }

  /** Whether a turn could be stored now; a file that failed has to take a write first. Names no path. */
  check(): { healthy: boolean; detail: string } {
    try {
      this.use((prepare) => prepare('SELECT 1').get());
      return { healthy: true, detail: 'SQLite' };
    } catch (error) {
      return { healthy: false, detail: this.failure?.shown ?? (error as Error).message };
    }
  }

  /** Changes when another connection has committed (SQLite, PRAGMA data_version); stays while the file is away. */
  foreignWrites(): number {
    if (!this.open) return this.dataVersion;
    try {
      this.dataVersion = this.use((prepare) => Number(prepare('PRAGMA data_version').get()?.['data_version']));
    } catch {
      // logged by use; what is in memory is then the best there is
    }
    return this.dataVersion;
  }

  close(): void {
    this.closed = true;
    this.open?.database.close();
    this.open = null;
  }

  private failed(error: Error): StoreUnavailable {
    const reason = `SQLite: ${error.message}`;
    if (this.outage.failed()) {
      this.logger.warn(`${reason}. What it would keep is in memory only until ${this.path} can be used again.`);
    }
    this.failure = { reason, shown: `SQLite: ${shown(error)}`, at: this.now() };
    return new StoreUnavailable(reason, { cause: error });
  }

  private recovered(): void {
    this.failure = null;
    const over = this.outage.worked();
    if (over) this.logger.log(`${this.path} can be used again, ${over}`);
  }
}

/** SQLITE_BUSY; extended codes keep it in their low byte (sqlite.org/rescode.html). */
const isBusy = (error: unknown): boolean =>
  isSqliteError(error) && ((error as { errcode?: number }).errcode ?? 0) % 256 === 5;

/** SQLite's own words name no file; those of the file system do. */
const shown = (error: Error): string => (isSqliteError(error) ? error.message : shortly(error));

const isSqliteError = (error: unknown): boolean => (error as { code?: string }).code === 'ERR_SQLITE_ERROR';

function openFile(path: string): OpenFile {
  makeFolder(dirname(path));
  mustBeWritable(dirname(path));
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    switchToWal(database);
    database.exec('PRAGMA synchronous = NORMAL');
    database.exec('PRAGMA secure_delete = ON'); // an erased conversation leaves the file, not only the tables
    migrate(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, statements: new Map() };
}

/** SQLite itself says "unable to open database file", for every reason there is. */
function mustBeWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UnwritableFolder(folder, error as NodeJS.ErrnoException);
  }
}

/**
 * Only the first process on a new file really switches. SQLite answers SQLITE_BUSY at once, without asking its busy
 * timeout, while another process that creates the same file is between its first write and its commit (waiting there
 * could deadlock), so the waiting is done here.
 */
function switchToWal(database: DatabaseSync): void {
  const giveUpAt = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() >= giveUpAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS);
    }
  }
}

/** Brings the file to this version's schema; the write lock makes two starting processes take turns. */
function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  const version = versionOf(database);
  if (version > SCHEMA_VERSION) {
    throw new Error(`the file has schema version ${version}, this release knows ${SCHEMA_VERSION}`);
  }
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  writeProbe(database);
  database.exec('COMMIT');
}

const versionOf = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.['user_version']);

/** A real write that changes nothing. */
const writeProbe = (database: DatabaseSync): void => database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);

function prepared(file: OpenFile, sql: string): StatementSync {
  const known = file.statements.get(sql);
  if (known) return known;
  const statement = file.database.prepare(sql);
  file.statements.set(sql, statement);
  return statement;
}
