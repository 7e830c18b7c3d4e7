import { writeFileSync } from 'node:fs';
import { feedbackRows } from './feedback-rows.js';
import { BOOST_OPTIONS, fitArtefact, TOPIC_OPTIONS } from './fit-artefact.js';
import { readOptions, runCommand, UsageError } from '../command.js';
import { readRecords, RECORD_OPTIONS, RECORD_OPTIONS_USAGE } from '../request-records.js';
import { DEFAULT_DATA, readLabelled } from './labelled-data.js';

const OUT = 'src/modules/router/learned/trained-artefact';
const HEADER = '// Written by npm run train-router; docs/ROUTING.md says how. Numbers only, no text of any prompt.\n';
const MOST_BYTES = 2 * 1024 * 1024;

const USAGE = `Usage: npm run train-router -- [options]: trains the artefact that decides
  --data <directory>   the labelled queries, *.jsonl.gz (default ${DEFAULT_DATA})
  --seed <n>           default 7
  --feedback           trains on judged requests as well; from where:
${RECORD_OPTIONS_USAGE}
  --out <file>         without a suffix (default ${OUT})`;

async function train(): Promise<void> {
  const values = readOptions({
    data: { type: 'string', default: DEFAULT_DATA },
    seed: { type: 'string', default: '7' },
    feedback: { type: 'boolean', default: false },
    ...RECORD_OPTIONS,
    out: { type: 'string', default: OUT },
  });
  const startedAt = performance.now();
  if (!values.feedback && (values.log ?? values.url) !== undefined) {
    throw new UsageError('--log and --url are of use with --feedback alone');
  }
  const feedback = values.feedback ? feedbackRows(await readRecords(values)) : [];
  const rows = readLabelled(values.data);
  const artefact = fitArtefact(rows, Number(values.seed), feedback);
  // a label with a quotation mark would end the literal that holds the text
  const text = JSON.stringify(artefact).replaceAll("'", '\\u0027').replaceAll('\\', '\\\\');
  if (text.length > MOST_BYTES) throw new Error(`The artefact has ${text.length} bytes, more than ${MOST_BYTES}.`);
  writeFileSync(`${values.out}.ts`, `${HEADER}export const TRAINED_ARTEFACT =\n  '${text}';\n`);
  const counts = Object.fromEntries(
    [...new Set(rows.map(({ benchmark }) => benchmark))].map((name) => [
      name,
      rows.filter(({ benchmark }) => benchmark === name).length,
    ]),
  );
  const report = {
    version: artefact.version,
    seed: Number(values.seed),
    rows: counts,
    feedback_rows: feedback.length,
    topics: artefact.topics.length,
    options: { topics: TOPIC_OPTIONS, trees: BOOST_OPTIONS },
    bytes: text.length,
    quality: 'npm run eval prints it from artefacts that have not seen the rows they score; see docs/ROUTING.md',
  };
  writeFileSync(`${values.out}.report.json`, `${JSON.stringify(report, null, 2)}\n`);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  if (values.feedback) console.log(`${feedback.length} judged decisions of this artefact trained on`);
  console.log(`${artefact.version}: ${rows.length} queries, ${text.length} bytes, ${seconds} s -> ${values.out}.ts`);
}

await runCommand(USAGE, train);
