// npm run prices:update -- [--date YYYY-MM-DD]: writes src/common/prices/price-table.ts from the installed package
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { PRICE_TABLE } from '../../src/common/prices/price-table.js';
import { priceTableText } from './price-table-text.js';

const PACKAGE = 'node_modules/@pydantic/genai-prices/package.json';
const TABLE = 'src/common/prices/price-table.ts';

const { values } = parseArgs({ options: { date: { type: 'string' } } });
const { version } = JSON.parse(await readFile(PACKAGE, 'utf8')) as { version: string };
const date = values.date ?? (version === PRICE_TABLE.version ? PRICE_TABLE.date : null);
if (date === null || !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
  console.error(
    `@pydantic/genai-prices ${version} does not say when it was released; say so with --date YYYY-MM-DD ` +
      `(npm view @pydantic/genai-prices@${version} time).`,
  );
  process.exitCode = 1;
} else {
  await writeFile(TABLE, await priceTableText({ version, date }));
  console.log(`${TABLE}: ${PRICE_TABLE.source} ${version} of ${date}`);
}
