/** What of the record an expression looks at, told by its text alone. */

/** Paths, and whether there may be more than these because the expression takes all that there is. */
export interface Reads { readonly paths: ReadonlySet<string>; readonly whole: boolean }

/** Of what the expression is about (`own`: the record, or an element of a list), and of the record around an element (`parent`). */
export interface ExprReads { readonly own: Reads; readonly parent: Reads }

/** A node of JSONata's tree; only what is read here. */
interface Node { readonly type: string; readonly value?: unknown; readonly [property: string]: unknown }

/** Where a part of an expression stands: at the value that the expression is about, at the record around it, or at something inside them. */
type Place = 'own' | 'parent' | 'inside';

/** Functions that take what they stand at when they get fewer arguments than this. */
const takesPlace: Readonly<Record<string, number>> = { string: 1, keys: 1, spread: 1, boolean: 1, not: 1, lookup: 2, each: 2, sift: 2 };

/** What an expression reads, by JSONata's tree of it. Whatever could reach the whole value (`$`, `*`, `%`, what is unknown) counts as doing so. */
export function readsOf(tree: unknown): ExprReads {
  const walker = new Walker();
  walker.walk(tree as Node, 'own');
  return { own: { paths: walker.own, whole: walker.wholes.has('own') }, parent: { paths: walker.parent, whole: walker.wholes.has('parent') } };
}

class Walker {
  readonly own = new Set<string>();
  readonly parent = new Set<string>();
  readonly wholes = new Set<Place>();

  /** `given`: arguments that a function gets from in front of a `~>`. */
  walk(node: Node, at: Place, given = 0): void {
    switch (node.type) {
      case 'string': case 'number': case 'value': case 'regex': case 'operator': break;
      case 'name': case 'wildcard': case 'descendant': case 'parent': this.#path([node], at); return;
      case 'variable': this.#whole(placeOf(node, at)); break;
      case 'path': this.#path(node['steps'] as Node[], at); this.#group(node, 'inside'); break;
      case 'block': case 'unary': this.#all(node['expressions'], at); this.#one(node['expression'], at); this.#pairs(node['lhs'], at); break;
      case 'binary': this.#one(node['lhs'], at); this.#one(node['rhs'], at); break;
      case 'apply': this.#one(node['lhs'], at); this.#one(node['rhs'], at, 1); break;
      case 'condition': this.#one(node['condition'], at); this.#one(node['then'], at); this.#one(node['else'], at); break;
      case 'bind': this.#one(node['rhs'], at); break;
      case 'lambda': this.#one(node['body'], at); break;
      case 'function': case 'partial': this.#call(node, at, given); break;
      case 'transform': this.#one(node['pattern'], 'inside'); this.#one(node['update'], 'inside'); this.#one(node['delete'], 'inside'); break;
      default: this.#whole('own'); this.#whole('parent');
    }
    if (node.type !== 'path') this.#group(node, 'inside');
    this.#filters(node, 'inside');
  }

  #path(steps: readonly Node[], from: Place): void {
    let at = from;
    let names: string[] | undefined;
    let root: Place = from;
    for (const [index, step] of steps.entries()) {
      const before = at;
      if (step.type === 'parent') this.#everything();
      if (index === 0 && step.type === 'variable') {
        at = placeOf(step, at);
        root = at;
      } else if (step.type === 'name') {
        if (at !== 'inside') {
          this.#note(root, names);
          [names, root] = [[], at];
        }
        names?.push(String(step.value));
        at = 'inside';
      } else if (step.type === 'sort') {
        for (const { expression } of step['terms'] as { expression: Node }[]) this.walk(expression, at);
      } else {
        if (step.type === 'wildcard' || step.type === 'descendant') this.#whole(at);
        else if (step.type !== 'parent') this.walk(step, at);
        this.#note(root, names);
        names = undefined;
        at = 'inside';
      }
      this.#filters(step, at);
      this.#group(step, at);
      // `@` notes the step's value and stays where it was
      if (step['focus'] !== undefined) at = before;
    }
    this.#note(root, names);
    this.#whole(at);
  }

  #call(node: Node, at: Place, given: number): void {
    const procedure = node['procedure'] as Node;
    const least = procedure.type === 'variable' ? takesPlace[String(procedure.value)] : undefined;
    const { length } = node['arguments'] as Node[];
    if (least !== undefined && length + given < least) this.#whole(at);
    if (procedure.type !== 'variable') this.walk(procedure, at);
    this.#all(node['arguments'], at);
  }

  #filters(node: Node, at: Place): void {
    for (const list of ['stages', 'predicate']) for (const { expr } of (node[list] as { expr?: Node }[] | undefined) ?? []) this.#one(expr, at);
  }

  #group(node: Node, at: Place): void {
    this.#pairs((node['group'] as { lhs?: unknown } | undefined)?.lhs, at);
  }

  #pairs(pairs: unknown, at: Place): void {
    if (Array.isArray(pairs)) for (const pair of pairs as unknown[]) this.#all(pair, at);
  }

  #all(nodes: unknown, at: Place): void {
    if (Array.isArray(nodes)) for (const node of nodes as Node[]) this.walk(node, at);
  }

  #one(node: unknown, at: Place, given = 0): void {
    if (node !== undefined && node !== null) this.walk(node as Node, at, given);
  }

  #note(root: Place, names: readonly string[] | undefined): void {
    if (names !== undefined && names.length > 0 && root !== 'inside') this[root].add(names.join('.'));
  }

  #whole(at: Place): void {
    if (at !== 'inside') this.wholes.add(at);
  }

  #everything(): void {
    this.#whole('own');
    this.#whole('parent');
  }
}

/** Where a variable leads: `$` stays, `$$` is what the expression is about, `$parent` the record around it; the user's own hold what was walked where they were set. */
function placeOf({ value }: Node, at: Place): Place {
  if (value === '' || value === undefined) return at;
  if (value === '$') return 'own';
  return value === 'parent' ? 'parent' : 'inside';
}
