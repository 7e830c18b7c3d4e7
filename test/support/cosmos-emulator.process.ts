import { createRequire } from 'node:module';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

// A process of its own that is the Cosmos DB emulator, empty. It prints its port and ends with its standard input.

interface Query {
  readonly query: string;
  readonly parameters?: readonly { readonly name: string; readonly value: unknown }[];
}
interface Documents {
  readonly _data: Map<string, { read(): { readonly pk?: unknown } }>;
  query(query: Query, options: unknown): unknown;
}
interface Emulator {
  createHttpServer(options: { keepAlive: boolean }): Server;
}
interface Parser {
  default: (sql: string) => object;
}

const require = createRequire(import.meta.url);
const { createHttpServer } = require('@vercel/cosmosdb-server') as Emulator;
const documents = (require('@vercel/cosmosdb-server/lib/account/documents') as { default: { prototype: Documents } })
  .default.prototype;
const parser = createRequire(require.resolve('@vercel/cosmosdb-server'))('@zeit/cosmosdb-query') as Parser;

parsesOnce(parser);
looksAtOnePartition(documents);

const server = createHttpServer({ keepAlive: true });
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().once('close', () => process.exit());

/** It reads the text of every query anew, though there are few. */
function parsesOnce(library: Parser): void {
  const parse = library.default;
  const known = new Map<string, object>();
  library.default = (sql) => {
    const query = known.get(sql) ?? parse(sql);
    known.set(sql, query);
    return query;
  };
}

/** It looks at every document it holds; where the query names one partition, the others can be left out unseen. */
function looksAtOnePartition(all: Documents): void {
  const { query } = all;
  all.query = function (this: Documents, wanted, options) {
    const partition = /WHERE c\.pk = (@\w+) AND(?!.* OR )/s.exec(wanted.query)?.[1];
    if (!partition) return query.call(this, wanted, options);
    const pk = wanted.parameters?.find(({ name }) => name === partition)?.value;
    const own = [...this._data].filter(([, document]) => document.read().pk === pk);
    return query.call(Object.create(this, { _data: { value: new Map(own) } }) as Documents, wanted, options);
  };
}
