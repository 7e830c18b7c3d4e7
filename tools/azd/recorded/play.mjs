// Stands in for az and azd in specs: answers as they answered, from a file, and keeps what it was asked.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const [name, ...args] = process.argv.slice(2);
const { RECORDED, CALLS } = process.env;
appendFileSync(CALLS, `${JSON.stringify([name, ...args])}\n`);
// The parameter file reads its values from there.
if (args[0] === 'deployment') writeFileSync(`${CALLS}.environment`, JSON.stringify(process.env));
const answers = JSON.parse(readFileSync(RECORDED, 'utf8'));
const line = `${name} ${args.join(' ')}`;
// The longest key that the command begins with, or holds all words of.
const key = Object.keys(answers)
  .filter((words) => words.split(' ').every((word) => line.split(' ').includes(word)))
  .sort((a, b) => b.length - a.length)[0];
const answer = key === undefined ? { stderr: `ERROR: no answer was recorded for: ${line}`, code: 9 } : answers[key];
if (answer && typeof answer === 'object' && 'stderr' in answer) {
  process.stderr.write(`${answer.stderr}\n`);
  process.exitCode = answer.code ?? 1;
} else process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
