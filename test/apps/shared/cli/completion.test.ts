import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../../src/apps/shared/cli/completion.ts';

function program(): Command {
  const root = new Command('order-sync').helpCommand(false).option('-q, --quiet', "Don't say: much.");
  root.command('run').description('Works: all of it.').option('--lanes <number>', 'Lanes.');
  const jobs = root.command('jobs').description('Shows jobs.');
  jobs.command('cancel').description("Ends a person's job.").option('--reason <text>', 'Why.');
  return root;
}

const script = (shell: string) => completionScript(program(), shell) ?? '';

describe('a completion script', () => {
  it('completes the words behind each command in bash, those of a group included', () => {
    const complete = (...words: string[]) =>
      execFileSync(
        'bash',
        [
          '-c',
          `${script('bash')}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}\n` +
            '_order_sync_completion\nfor word in "$' +
            '{COMPREPLY[@]}"; do echo "$word"; done',
        ],
        { encoding: 'utf8' },
      )
        .split('\n')
        .filter((word) => word !== '');
    expect(complete('order-sync', '')).toEqual(expect.arrayContaining(['run', 'jobs', '--quiet']));
    expect(complete('order-sync', 'ru')).toEqual(['run']);
    expect(complete('order-sync', 'run', '--l')).toEqual(['--lanes']);
    expect(complete('order-sync', 'jobs', 'ca')).toEqual(['cancel']);
    expect(complete('order-sync', 'jobs', 'cancel', '--r')).toEqual(['--reason']);
    expect(complete('order-sync', 'run', '--r')).toEqual([]);
    expect(complete('order-sync', 'running', '--l')).toEqual([]);
  });

  it('escapes colons and quotes in the help texts of zsh', () => {
    const lines = script('zsh').split('\n');
    expect(lines[0]).toBe('#compdef order-sync');
    const placeOf = (path: string) => lines.findIndex((line) => line.startsWith(`    "${path}"|`));
    expect(placeOf('jobs cancel')).toBeLessThan(placeOf('jobs'));
    expect(lines).toContainEqual(expect.stringContaining("'run:Works\\: all of it.'"));
    expect(lines).toContainEqual(expect.stringContaining("'--quiet:Don'\\''t say\\: much.'"));
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {4}"jobs cancel"\|"jobs cancel "\*\) .*'--reason:Why\.'/),
    );
  });

  it('asks fish for each word of the command before', () => {
    const lines = script('fish').split('\n');
    expect(lines).toContain("complete -c order-sync -f -a run -d 'Works: all of it.'");
    expect(lines).toContain("complete -c order-sync -l quiet -d 'Don'\\''t say: much.'");
    expect(lines).toContain(
      "complete -c order-sync -n '__fish_seen_subcommand_from jobs; and __fish_seen_subcommand_from cancel' -l reason -d 'Why.'",
    );
  });

  it('knows no other shell', () => {
    expect(completionScript(program(), 'tcsh')).toBeNull();
  });
});
