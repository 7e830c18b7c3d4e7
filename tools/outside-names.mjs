import ts from 'typescript';

const { Any, NumberLike, ESSymbolLike, StringLiteral, TypeParameter, Never } = ts.TypeFlags;

/** A closed set of names: numbers, symbols, and literals that the code itself wrote down. */
function isClosed(checker, type) {
  if (type.isUnion()) return type.types.every((part) => isClosed(checker, part));
  if (type.flags & TypeParameter) {
    const constraint = checker.getBaseConstraintOfType(type);
    return constraint !== undefined && isClosed(checker, constraint);
  }
  return !(type.flags & Any) && (type.flags & (NumberLike | ESSymbolLike | StringLiteral | Never)) !== 0;
}

/** `{ code }`: its names stand in the code. */
const isWrittenOut = ({ type, properties }) =>
  type === 'ObjectExpression' && properties.every((property) => property.type === 'Property' && !property.computed);

/**
 * A name that comes from outside must not name a property of an object with a prototype: `__proto__` changes the
 * prototype and `constructor` finds a function. `json/fields.ts` is the one place that reads and writes by such names.
 */
export const outsideNames = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      access:
        'This name may come from outside, and "__proto__" or "constructor" is one: a Map, or ownField/setOwnField.',
      assign: 'Object.assign sets the prototype when a source has a field "__proto__"; spread copies it as a field.',
      within: '`in` also finds what every object inherits; Object.hasOwn does not.',
    },
  },
  create(context) {
    const { parserServices: services } = context.sourceCode;
    const checker = services.program.getTypeChecker();
    return {
      'MemberExpression[computed=true]'(node) {
        if (!isClosed(checker, services.getTypeAtLocation(node.property)))
          context.report({ node, messageId: 'access' });
      },
      'ObjectPattern > Property[computed=true]'(node) {
        if (!isClosed(checker, services.getTypeAtLocation(node.key))) context.report({ node, messageId: 'access' });
      },
      'CallExpression[callee.object.name="Object"][callee.property.name="assign"]'(node) {
        const [, ...sources] = node.arguments;
        if (!sources.every(isWrittenOut)) context.report({ node, messageId: 'assign' });
      },
      'BinaryExpression[operator="in"]'(node) {
        if (!isClosed(checker, services.getTypeAtLocation(node.left))) context.report({ node, messageId: 'within' });
      },
    };
  },
};
