/** Reads what `deploy/` and the Containerfile say, as far as tests hold it against the program. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export const root = join(import.meta.dirname, '../..');
export const text = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Sections of a unit, each with its keys, each with all its values. */
export type Unit = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export function readUnit(file: string): Unit {
  const unit: Record<string, Record<string, string[]>> = {};
  let section: Record<string, string[]> = {};
  for (const line of text(file).split('\n')) {
    const [, title] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (title !== undefined) section = unit[title] ??= {};
    else if (key !== undefined) (section[key] ??= []).push(value);
    else if (!/^(?:#.*)?$/.test(line)) throw new Error(`${file}: what is ${JSON.stringify(line)}?`);
  }
  return unit;
}

/** The units of `deploy/podman`, by file name. */
export const units: Readonly<Record<string, Unit>> = Object.fromEntries(
  readdirSync(join(root, 'deploy/podman')).filter((name) => !name.endsWith('.yaml')).map((name) => [name, readUnit(`deploy/podman/${name}`)]));

/** A section of a unit that has to be there. */
export function section(unit: string, name: string): Readonly<Record<string, readonly string[]>> {
  const found = units[unit]?.[name];
  if (!found) throw new Error(`${unit} has no section ${name}`);
  return found;
}

export interface ComposeService {
  image: string; container_name: string; ports?: string[]; volumes?: string[]; secrets?: string[]; environment?: Record<string, string>; read_only?: boolean; cap_drop?: string[];
  security_opt?: string[]; healthcheck: { test: string[] }; depends_on?: Record<string, unknown>; user?: string; profiles?: string[]; tmpfs?: string[]; build?: { context: string; dockerfile: string }; restart?: string; shm_size?: string;
}

export const compose = parse(text('deploy/compose.yaml')) as { services: Record<string, ComposeService>; volumes: Record<string, unknown>; secrets: Record<string, { file: string }> };

export interface KubeContainer {
  name: string; image: string; env?: { name: string; value: string }[]; ports?: { containerPort: number; hostPort: number; hostIP: string }[]; volumeMounts: { name: string; mountPath: string }[];
  livenessProbe: { exec: { command: string[] } }; securityContext: { readOnlyRootFilesystem: boolean; allowPrivilegeEscalation: boolean; capabilities: { drop: string[] }; runAsUser?: number };
}
interface KubePart {
  kind: string; metadata: { name: string };
  spec: { containers: KubeContainer[]; hostAliases: { ip: string; hostnames: string[] }[]; volumes: { name: string; hostPath?: { path: string }; secret?: { secretName: string }; persistentVolumeClaim?: { claimName: string } }[] };
}

export const kube = parseAllDocuments(text('deploy/kube.yaml')).map((document) => document.toJS() as KubePart);

/** The instructions of the Containerfile's last stage, in order; continued lines are one. */
export function lastStage(): (readonly [word: string, rest: string])[] {
  const lines = text('Containerfile').replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '').split('\n').filter((line) => line.trim() !== '');
  const begin = lines.findLastIndex((line) => line.startsWith('FROM '));
  return lines.slice(begin).map((line) => [line.split(' ', 1)[0] as string, line.slice(line.indexOf(' ') + 1)] as const);
}

/** `NAME=value` pairs of ENV, ARG and LABEL. */
export function pairs(line: string): Record<string, string> {
  return Object.fromEntries([...line.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)].map(([, name = '', quoted, bare = '']) => [name, quoted ?? bare]));
}

/** Whether `.dockerignore` lets the build have a file: the forms that it uses, and no others. */
export function inContext(): (file: string) => boolean {
  const patterns = text('.dockerignore').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const tests = patterns.map((pattern) => {
    const bare = pattern.replace(/^!/, '');
    const form = new RegExp(`^${bare.replaceAll(/[.+]/g, '\\$&').replaceAll('**/', '(?:.*/)?').replaceAll(/(?<![.)])\*/g, '[^/]*')}(?:/|$)`);
    return { takes: pattern.startsWith('!'), form };
  });
  return (file) => tests.reduce((taken, { takes, form }) => (form.test(file) ? takes : taken), true);
}

/** What of this folder the Containerfile copies, by name. */
export const copied: readonly string[] = [...text('Containerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));

/** Whether a file gets into the image: it is copied, and let through. */
export function inBuild(): (file: string) => boolean {
  const letThrough = inContext();
  return (file) => letThrough(file) && copied.some((source) => file === source || file.startsWith(`${source}/`));
}
