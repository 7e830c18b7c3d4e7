// npm run prices:update -- [--date YYYY-MM-DD]: writes src/common/prices/price-table.ts from the installed package
import { readFile, writeFile } from 'node:fs/promises';
import { PRICE_TABLE } from '../../src/common/prices/price-table.js';
import { readOptions, runCommand, UsageError } from '../command.js';
import { priceTableText } from './price-table-text.js';

const PACKAGE = 'node_modules/@pydantic/genai-prices/package.json';
const TABLE = 'src/common/prices/price-table.ts';
const USAGE = `Usage: npm run prices:update -- [options]: writes ${TABLE} from the installed @pydantic/genai-prices
  --date <YYYY-MM-DD>   when the installed version was released (default: what the table says, where it is of that version)`;

async function update(): Promise<void> {
  const values = readOptions({ date: { type: 'string' } });
  const { version } = JSON.parse(await readFile(PACKAGE, 'utf8')) as { version: string };
  const date = values.date ?? (version === PRICE_TABLE.version ? PRICE_TABLE.date : '');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    throw new UsageError(
      `@pydantic/genai-prices ${version} does not say when it was released; say so with --date YYYY-MM-DD ` +
        `(npm view @pydantic/genai-prices@${version} time).`,
    );
  }
  await writeFile(TABLE, await priceTableText({ version, date }));
  console.log(`${TABLE}: ${PRICE_TABLE.source} ${version} of ${date}`);
}

await runCommand(USAGE, update);
