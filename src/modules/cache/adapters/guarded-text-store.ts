import type { RedisConnection } from '../../../common/redis/redis-connection.js';

/** What is used of cache-manager-ioredis-yet. Its `keys`, `reset`, `mget` and `mset` are wrong on a cluster. */
export interface TextStore {
  /** `undefined` = there is none, or none that may be read. */
  get(name: string): Promise<string | undefined>;
  set(name: string, text: string, ttlMs: number): Promise<void>;
  del(name: string): Promise<void>;
}

/** As much of an ioredis client as that package calls for them. */
interface StoreClient {
  get(name: string): Promise<string | null>;
  set(name: string, value: string, unit: 'PX', ttlMs: number): Promise<unknown>;
  del(name: string): Promise<number>;
}

/**
 * cache-manager-ioredis-yet behind a guard. It reads values with telejson 7, which makes functions of certain strings, so
 * whoever can write to Redis could run code in this process. Therefore nothing is stored but a JSON text, as one JSON
 * string, and the package gets to see no value that is anything else (docs/adr/0022).
 *
 * Every method rejects with `StoreUnavailable` while Redis cannot be used.
 *
 * @param refused is told the name of each value that is kept from the package, before `get` resolves with `undefined`
 */
export async function guardedTextStore(redis: RedisConnection, refused: (name: string) => void): Promise<TextStore> {
  const { redisInsStore } = await import('cache-manager-ioredis-yet'); // it loads ioredis
  const client: StoreClient = {
    get: async (name) => {
      const raw = await redis.run((own) => own.get(name).catch(notAString));
      if (raw === null || isJsonTextAsString(raw)) return raw;
      refused(name);
      return null;
    },
    set: (name, value, unit, ttlMs) => redis.run((own) => own.set(name, value, unit, ttlMs)),
    del: (name) => redis.run((own) => own.del(name)),
  };
  const store = (redisInsStore as unknown as (client: StoreClient) => TextStore)(client);
  return {
    get: (name) => store.get(name),
    set: async (name, text, ttlMs) => {
      if (!isJsonText(text)) throw new TypeError('only the text of a JSON object or list is stored');
      await store.set(name, text, ttlMs);
    },
    del: (name) => store.del(name),
  };
}

/** A list or a set under the name is no answer either. */
function notAString(error: Error): string {
  if (error.message.startsWith('WRONGTYPE')) return '';
  throw error;
}

/** Whether a value is one JSON string and nothing beside it, whose text is JSON: what telejson leaves as it is. */
function isJsonTextAsString(raw: string): boolean {
  const text = parsed(raw);
  return typeof text === 'string' && isJsonText(text);
}

function isJsonText(text: unknown): boolean {
  if (typeof text !== 'string' || !/^[{[]/.test(text)) return false;
  return parsed(text) !== undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
