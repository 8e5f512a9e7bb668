#!/usr/bin/env bash
# perl: hashes of arrays, strings, closures, compiled expressions, sorting.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd perl

cat >work.pl <<'PL'
use strict;
my (%words, @rows, @subs);
for my $i (1 .. 20000) {
	my $word = join '', map { chr(97 + ($i * 7 + $_ * 13) % 26) } 1 .. ($i % 12 + 2);
	push @{$words{$word}}, { line => $i, text => "word $word on line $i" };
}
for my $word (sort { @{$words{$b}} <=> @{$words{$a}} || $a cmp $b } keys %words) {
	push @rows, [ $word, scalar @{$words{$word}} ];
	push @subs, sub { $word =~ s/a/b/r } if @rows % 10 == 0;
	delete $words{$word} if @rows % 3 == 0;
}
my %index = map { $_->[0] => qr/^\Q$_->[0]\E[a-z]+$/ } @rows[0 .. 99];
my $text = join ' ', map { $_->() } @subs;
open my $ready, '>', 'ready' or die;
close $ready;
sleep 1000;
PL
truth perl 0 ready "$(command -v perl)" "$OUT/work.pl"
truth perl-leaking 100 ready "$(command -v perl)" "$OUT/work.pl"
plan_done
