import { parser } from '@prometheus-io/lezer-promql';

/** Labels, and the metrics of which one at least must have each. */
export interface LabelUse {
  readonly labels: readonly string[];
  readonly metrics: readonly string[];
}

export interface ReadQuery {
  /** Offset of what does not parse; `null` = all does. */
  readonly errorAt: number | null;
  readonly metrics: readonly string[];
  /** One a selector, one a `by`, `on` or `group_left`. */
  readonly uses: readonly LabelUse[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

function nodesIn(node: Node, name: string): Node[] {
  const found: Node[] = [];
  node.cursor().iterate((inner) => {
    if (inner.name === name) found.push(inner.node);
  });
  return found;
}

/** Reads a query without variables. */
export function readPromql(query: string): ReadQuery {
  const { topNode } = parser.parse(query);
  const texts = (node: Node, name: string) => nodesIn(node, name).map(({ from, to }) => query.slice(from, to));
  const metricsIn = (node: Node) =>
    nodesIn(node, 'VectorSelector').flatMap((one) => texts(one, 'Identifier').slice(0, 1));
  const selectors = nodesIn(topNode, 'VectorSelector');
  const modifiers = ['AggregateModifier', 'MatchingModifierClause'].flatMap((name) => nodesIn(topNode, name));
  return {
    errorAt: nodesIn(topNode, '⚠')[0]?.from ?? null,
    metrics: [...new Set(metricsIn(topNode))],
    uses: [
      ...selectors.map((node) => ({ labels: texts(node, 'LabelName'), metrics: metricsIn(node) })),
      ...modifiers.map((node) => ({ labels: texts(node, 'LabelName'), metrics: metricsIn(node.parent ?? topNode) })),
    ].filter(({ labels }) => labels.length > 0),
  };
}
