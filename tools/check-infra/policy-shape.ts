import type { Finding } from './finding.js';
import { hasExpression, textProblems } from './policy-expressions.js';
import { ELEMENTS, REFUSED, SECTIONS, type ElementRule, type ValueKind } from './policy-vocabulary.js';
import { isInside, sectionOf, type PolicyElement } from './policy-xml.js';

type Problem = Omit<Finding, 'file'>;

/** The global policy has nothing above it that it could inherit. */
export const GLOBAL = 'global.xml';

/** Whether the gateway takes a policy as it is written: elements, their places, attributes, values. */
export function shapeProblems(name: string, root: PolicyElement): Problem[] {
  if (root.name !== 'policies')
    return [{ line: root.line, problem: `the file begins with ${root.name}`, cure: 'A policy is <policies>.' }];
  return [
    ...root.children.flatMap((child) => (isSection(child) ? sectionProblems(name, child) : outOfPlace(child))),
    ...SECTIONS.filter((section) => !sectionOf(root, section)).map((section) => ({
      line: root.line,
      problem: `there is no section ${section}`,
      cure: `Add <${section}> with <base />: what is not inherited is not done.`,
    })),
  ];
}

const isSection = ({ name }: PolicyElement): boolean => SECTIONS.some((section) => section === name);

const outOfPlace = ({ name, line, parent }: PolicyElement): Problem[] => [
  {
    line,
    problem: `${name} may not stand in ${parent?.name}`,
    cure: `Its places: ${ELEMENTS.get(name)?.in.join(', ') ?? 'none; policies stand in sections'}.`,
  },
];

function sectionProblems(file: string, section: PolicyElement): Problem[] {
  const { name, line, children } = section;
  const bases = children.filter((child) => child.name === 'base').length;
  const again = section.parent?.children.find((child) => child.name === name) !== section;
  const problems: Problem[] = children.flatMap(elementProblems);
  if (section.text.trim() !== '')
    problems.push({ line, problem: `text in ${name}`, cure: 'Only policies stand there.' });
  if (again) problems.push({ line, problem: `a second section ${name}`, cure: 'Put both together.' });
  if (name === 'backend' && children.length !== 1)
    problems.push({
      line,
      problem: `${children.length} policies in backend`,
      cure: 'The gateway takes one there: <base /> or <forward-request>.',
    });
  if (file === GLOBAL ? bases > 0 : bases !== 1 && name !== 'backend')
    problems.push({
      line,
      problem: `${bases} times <base /> in ${name}`,
      cure: file === GLOBAL ? 'Nothing is above the global policy.' : 'Once: without it nobody checks who calls.',
    });
  return problems;
}

function elementProblems(element: PolicyElement): Problem[] {
  const { name, line, parent, children } = element;
  const rule = ELEMENTS.get(name);
  const why = REFUSED.get(name) ?? 'Look it up in the policy reference, v2 tiers, and add it to policy-vocabulary.ts.';
  if (!rule) return [{ line, problem: `the policy ${name} is not on the list`, cure: why }];
  if (!parent || !rule.in.includes(parent.name) || isInOtherSection(element, rule)) return outOfPlace(element);
  return [...attributeProblems(element, rule), ...contentProblems(element, rule), ...children.flatMap(elementProblems)];
}

/** A branch is in any section; a policy in it is not. */
function isInOtherSection(element: PolicyElement, rule: ElementRule): boolean {
  const sections = SECTIONS.filter((section) => rule.in.includes(section));
  return sections.length > 0 && !isInside(element, ({ name }) => sections.some((section) => section === name));
}

function attributeProblems({ name, line, attributes }: PolicyElement, rule: ElementRule): Problem[] {
  const rules = new Map(Object.entries(rule.attributes ?? {}));
  const missing = [...rules].filter(([attribute, { required }]) => required && !attributes.has(attribute));
  return [
    ...missing.map(([attribute]) => ({
      line,
      problem: `${name} has no ${attribute}`,
      cure: `Add ${attribute}="...".`,
    })),
    ...[...attributes].flatMap(([attribute, { value, line: at }]): Problem[] => {
      const kind = rules.get(attribute)?.kind;
      if (kind === undefined)
        return [
          { line: at, problem: `${name} takes no ${attribute}`, cure: `It takes: ${[...rules.keys()].join(', ')}.` },
        ];
      const wrong = isOfKind(value, kind)
        ? []
        : [{ problem: `${attribute} of ${name} is ${value}`, cure: wanted(kind) }];
      return [...wrong, ...textProblems(value)].map((problem) => ({ line: at, ...problem }));
    }),
  ];
}

const wanted = (kind: ValueKind): string =>
  typeof kind === 'string' ? `It is: ${kind}.` : `One of: ${kind.join(', ')}; no expression.`;

/** A named value stands for whatever the configuration says. */
function isOfKind(value: string, kind: ValueKind): boolean {
  if (typeof kind !== 'string') return kind.includes(value);
  if (value.trim() === '') return false;
  if (hasExpression(value)) return kind.endsWith('expression');
  if (kind === 'boolean') return value === 'true' || value === 'false';
  if (kind.startsWith('integer')) return /^(?:\d+|\{\{[^{}]+\}\})$/.test(value);
  return true;
}

function contentProblems({ name, line, text, children }: PolicyElement, rule: ElementRule): Problem[] {
  const isEmpty = text.trim() === '';
  const problems: Problem[] = [];
  if (rule.text && (isEmpty || children.length > 0))
    problems.push({ line, problem: `${name} has no text`, cure: 'Write its value between the tags.' });
  if (!rule.text && !isEmpty) problems.push({ line, problem: `text in ${name}`, cure: 'No text stands there.' });
  for (const child of rule.children ?? [])
    if (!children.some((one) => one.name === child))
      problems.push({ line, problem: `${name} has no ${child}`, cure: `Add <${child}>.` });
  return [...problems, ...textProblems(text).map((problem) => ({ line, ...problem }))];
}
