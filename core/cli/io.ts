import { styleText } from 'node:util';

/** A stream to print on; a terminal tells its size. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** What a command has of the world. Tests hand in their own. */
export interface Io {
  stdout: Sink;
  stderr: Sink;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Aborts with the signal's name (`SIGINT`, `SIGTERM`) when the process is asked to end. */
  interrupted: AbortSignal;
  /** Tells whoever supervises this process that it is at work: from now on it is started again when it dies. */
  started?: () => void;
}

/** Options that every command has. */
export interface GlobalOptions {
  config?: string;
  json: boolean;
  color: boolean;
  /** Speaks with the database and the sandbox of the running `tds demo`. */
  demo: boolean;
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Where a command prints: lines for people, or JSON for programs. Colour only repeats what the words say. */
export class Output {
  readonly isJson: boolean;
  /** True where a progress area may be drawn. */
  readonly isTerminal: boolean;
  readonly width: number;
  readonly height: number;
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  readonly #color: boolean;

  constructor(io: Io, options: Pick<GlobalOptions, 'json' | 'color'>) {
    this.#stdout = io.stdout;
    this.#stderr = io.stderr;
    this.isJson = options.json;
    this.isTerminal = io.stdout.isTTY === true && !options.json && io.env['TERM'] !== 'dumb' && !io.env['CI'];
    this.width = io.stdout.isTTY === true ? (io.stdout.columns ?? 100) : Number.POSITIVE_INFINITY;
    this.height = io.stdout.rows ?? 24;
    this.#color = options.color && io.stdout.isTTY === true && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb';
  }

  /** A line for people; nothing in JSON mode, where every line is a document. */
  line(text = ''): void {
    if (!this.isJson) this.#stdout.write(`${text}\n`);
  }

  /** One document, or one line of a stream of them. */
  json(value: unknown): void {
    if (this.isJson) this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** What is no result: errors, and logs of commands whose result is on stdout. */
  error(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  paint(style: Style, text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text;
  }
}
