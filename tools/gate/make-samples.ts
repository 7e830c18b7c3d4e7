// node tools/run.mjs tools/gate/make-samples.ts: writes tools/gate/samples/*.json again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions, runCommand } from '../command.js';
import { MADE_SAMPLES, textOf } from './made-samples.js';

const USAGE = `Usage: node tools/run.mjs tools/gate/make-samples.ts
Writes the samples on which the gate is tested. They are made with seeds: the same ones each time.`;

await runCommand(USAGE, () => {
  readOptions({}); // it takes none
  for (const [name, samples] of Object.entries(MADE_SAMPLES))
    writeFileSync(join('tools', 'gate', 'samples', `${name}.json`), textOf(samples));
});
