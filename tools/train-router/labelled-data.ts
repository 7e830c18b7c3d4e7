import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../command.js';

/** Where the public labelled queries lie beside a checkout. */
export const DEFAULT_DATA = '../shared/routing/public';

/** One labelled query (README of the data). */
export interface Labelled {
  readonly id: string;
  readonly benchmark: string;
  readonly category: string;
  readonly prompt: string;
  readonly weak_correct: number;
  readonly strong_correct: number;
  /** Mean correctness of other models on the same item; a training target, never an input. */
  readonly aux_ease?: number;
  readonly weak_answer?: string | number | null;
  readonly cheap2_answer?: string | number | null;
  readonly fold: number;
}

/** @throws UsageError where there are none */
export function readLabelled(directory = DEFAULT_DATA): Labelled[] {
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith('.jsonl.gz')) : [];
  if (files.length === 0) {
    throw new UsageError(
      `No labelled queries (*.jsonl.gz) in ${resolve(directory)}; name their directory with --data DIR.`,
    );
  }
  return files.sort().flatMap((file) =>
    gunzipSync(readFileSync(join(directory, file)))
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Labelled),
  );
}
