import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml';

export const ALERTS = join('infra', 'alerts');
export const TESTS = join(ALERTS, 'tests');

/** A rule of Prometheus as it stands in its file. */
export interface Rule {
  /** Below the root. */
  readonly file: string;
  readonly line: number;
  /** `alert` or `record`. */
  readonly kind: 'alert' | 'record';
  readonly name: string;
  readonly expr: string;
  readonly severity: string | null;
  readonly annotations: ReadonlyMap<string, string>;
}

const textOf = (map: YAMLMap, key: string): string | null => {
  const value: unknown = map.get(key);
  return typeof value === 'string' ? value : null;
};

/** Files of a folder with an ending, in order. */
export const filesOf = (root: string, folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map(({ name }) => join(folder, name))
    .sort();

/** Every rule below infra/alerts. */
export const readRules = (root: string): Rule[] =>
  filesOf(root, ALERTS, '.yaml').flatMap((file) => rulesOf(root, file));

function rulesOf(root: string, file: string): Rule[] {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(join(root, file), 'utf8'), { lineCounter: lines });
  const groups: unknown = document.get('groups');
  if (!isSeq(groups)) return [];
  return groups.items.flatMap((group) => {
    const rules: unknown = isMap(group) ? group.get('rules') : null;
    if (!isSeq(rules)) return [];
    return rules.items.filter(isMap).map((rule) => ruleOf(file, lines.linePos(rule.range?.[0] ?? 0).line, rule));
  });
}

function ruleOf(file: string, line: number, map: YAMLMap): Rule {
  const alert = textOf(map, 'alert');
  const labels: unknown = map.get('labels');
  const annotations: unknown = map.get('annotations');
  const pairs = isMap(annotations) ? annotations.items : [];
  return {
    file,
    line,
    kind: alert === null ? 'record' : 'alert',
    name: alert ?? textOf(map, 'record') ?? '',
    expr: textOf(map, 'expr') ?? '',
    severity: isMap(labels) ? textOf(labels, 'severity') : null,
    annotations: new Map(
      pairs.map(({ key, value }) => [
        isScalar(key) ? String(key.value) : '',
        isScalar(value) ? String(value.value) : '',
      ]),
    ),
  };
}
