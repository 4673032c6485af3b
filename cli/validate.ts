import { readFile, stat } from 'node:fs/promises';
import { Command } from 'commander';
import { checkManifest } from '../capacity/policy/check.ts';
import { type ManifestProblem, maxManifestBytes } from '../crds/manifest.ts';
import { exitCode } from './exit-codes.ts';
import { reasonOf } from './file-trouble.ts';

const afterHelp = `
Examples:
  trunkline validate pool.yaml
  trunkline validate --json pools/*.yaml

Exit status: 0 all valid, 1 a manifest is invalid, 2 a file cannot be read.
`;

/** `trunkline validate FILE…`: checks manifests without touching a ledger or the provider. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('check manifests: YAML, fields, and whether the pool can work')
    .argument('<file...>', 'manifests, one pool each')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText('after', afterHelp)
    .action(async (files: readonly string[], { json }: { readonly json?: true }) => {
      const reports = await Promise.all(files.map(reportOn));
      process.stdout.write(json === true ? `${JSON.stringify(asJson(reports))}\n` : asLines(reports));
      process.exitCode = statusOf(reports);
    });
}

type Report = { readonly file: string; readonly warnings: readonly ManifestProblem[] } & (
  | { readonly verdict: 'valid' }
  | { readonly verdict: 'invalid'; readonly problems: readonly ManifestProblem[] }
  | { readonly verdict: 'unreadable'; readonly reason: string }
);

async function reportOn(file: string): Promise<Report> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > maxManifestBytes) return { file, verdict: 'invalid', problems: [tooLarge(file)], warnings: [] };
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { file, verdict: 'unreadable', reason: reasonOf(error), warnings: [] };
  }
  const checked = checkManifest(text, file);
  if (checked.ok) return { file, verdict: 'valid', warnings: checked.warnings };
  return { file, verdict: 'invalid', problems: checked.problems, warnings: checked.warnings };
}

function tooLarge(file: string): ManifestProblem {
  return { file, line: 1, column: 1, path: '', message: `is larger than ${maxManifestBytes / 1024} KiB: a pool is not that long` };
}

function asLines(reports: readonly Report[]): string {
  const lines = reports.flatMap((report) => {
    const warnings = report.warnings.map((warning) => line(warning, 'warning: '));
    if (report.verdict === 'unreadable') return [`${report.file} cannot be read: ${report.reason}`];
    return report.verdict === 'invalid' ? [...report.problems.map((problem) => line(problem, '')), ...warnings] : warnings;
  });
  return `${[...lines, summaryOf(reports)].join('\n')}\n`;
}

function line({ file, line: row, column, path, message }: ManifestProblem, kind: string): string {
  return `${file}:${row}:${column} ${kind}${path === '' ? '' : `${path} `}${message}`;
}

function summaryOf(reports: readonly Report[]): string {
  const problems = reports.reduce((total, report) => total + (report.verdict === 'invalid' ? report.problems.length : 0), 0);
  const warnings = reports.reduce((total, report) => total + report.warnings.length, 0);
  const unreadable = reports.filter(({ verdict }) => verdict === 'unreadable').length;
  const parts = [
    `${reports.filter(({ verdict }) => verdict === 'valid').length} of ${counted(reports.length, 'file')} valid`,
    ...(problems > 0 ? [counted(problems, 'problem')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
  ];
  return parts.join(', ');
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function asJson(reports: readonly Report[]): { readonly valid: boolean; readonly files: readonly Report[] } {
  return { valid: reports.every(({ verdict }) => verdict === 'valid'), files: reports };
}

/** A file that cannot be read weighs more than one that is wrong: the answer about it is unknown. */
function statusOf(reports: readonly Report[]): number {
  if (reports.some(({ verdict }) => verdict === 'unreadable')) return exitCode.usage;
  return reports.every(({ verdict }) => verdict === 'valid') ? exitCode.ok : exitCode.negative;
}
