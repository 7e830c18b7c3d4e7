import { z } from 'zod';
import { UsageError } from '../command.js';
import type { Compared } from './query.js';
import { checkedSamples, type Samples } from './samples.js';

/**
 * What `az monitor log-analytics query -o json` prints: each cell is Python's `str()` of it, so that null is "None".
 *
 * @see https://github.com/Azure/azure-cli-extensions/blob/main/src/log-analytics/azext_loganalytics/custom.py
 */
const cell = z.string('must be text, as `az monitor log-analytics query -o json` prints every value');
const rowSchema = z.object({
  ...{ revision: cell, at: cell, requests: cell, errors: cell, p95_ms: cell, cost_usd: cell },
  refused: cell.optional(), // a query of before has it not
});
const rowsSchema = z.array(
  rowSchema,
  'must be a list of rows, as `az monitor log-analytics query -o json` prints them',
);
const NULL = 'None';

const numberOf = (text: string): unknown => (text === NULL ? null : text.trim() === '' ? text : Number(text));

/** Rows of the gate's query as samples; those before `since` are left out. @throws UsageError that names the cell */
export function samplesFromRows(value: unknown, compared: Compared, source: string): Samples {
  const { success, data, error } = rowsSchema.safeParse(value);
  if (!success) {
    const { path, message } = error.issues[0]!;
    const where = path.length === 0 ? '' : ` row ${path.join(', ')}:`;
    throw new UsageError(`${source}:${where} ${message}`);
  }
  const of = (name: string) =>
    data
      .filter(({ revision, at }) => revision === name && !(Date.parse(at) < compared.since))
      .map((row) => ({
        at: row.at,
        requests: numberOf(row.requests),
        errors: numberOf(row.errors),
        p95_ms: numberOf(row.p95_ms),
        cost_usd: numberOf(row.cost_usd),
        ...(row.refused === undefined ? {} : { refused: numberOf(row.refused) }),
      }));
  const other = data.find(({ revision }) => revision !== compared.old && revision !== compared.new);
  if (other)
    throw new UsageError(`${source}: has rows of "${other.revision}"; --old and --new must be those of its query`);
  return checkedSamples({ old: of(compared.old), new: of(compared.new) }, source);
}
