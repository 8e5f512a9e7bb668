# coreheap: `make` builds build/coreheap and touches nothing outside $(BUILD). `make help` lists the rest.

VERSION := 0.1.0

BUILD   ?= build
PREFIX  ?= /usr/local
bindir  ?= $(PREFIX)/bin
libdir  ?= $(PREFIX)/lib
datadir ?= $(PREFIX)/share
INSTALL ?= install

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g

# WERROR=0 keeps warnings but lets the build go on: for compilers newer than this release.
WERROR ?= 1
# SAN=1 builds $(BUILD)/san/coreheap with the address and undefined-behaviour sanitizers.
SAN    ?= 0

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

warnings := -Wall -Wextra -Wshadow -Wconversion
ifneq ($(WERROR),0)
warnings += -Werror
endif
own_cppflags := -I. -D_GNU_SOURCE -DCOREHEAP_VERSION='"$(VERSION)"'
language := -std=gnu11 -pthread
# Undefined behaviour traps, and the address sanitizer reports the trap: gcc's own run-time for it
# writes to standard error only, where a test may not look.
sanitize := -fsanitize=address,undefined -fsanitize-undefined-trap-on-error
ifneq ($(SAN),0)
hardening := -O1 -fno-omit-frame-pointer $(sanitize)
link_hardening := $(sanitize)
flavour := san
out := $(BUILD)/san
else
hardening := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection -fPIE
link_hardening := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
flavour := release
out := $(BUILD)
endif

compile := $(CC) $(own_cppflags) $(CPPFLAGS) $(language) $(CFLAGS) $(hardening) $(warnings)
link    := $(CC) $(language) $(CFLAGS) $(LDFLAGS) $(link_hardening) -Wl,--as-needed
libs    := -ldw -lelf -lZydis -ljansson -lzstd -llz4 -llzma -lz -liberty -lseccomp -lpthread -lm $(LDLIBS)

# What runs inside a victim: no sanitizer, no stack protector, nothing but libc; on the machines
# that it is for.
sites         := libcoreheap_sites.so
sites_flags    = $(CC) -I. -D_GNU_SOURCE $(CPPFLAGS) $(language) $(CFLAGS) -fPIC -shared \
	-fvisibility=hidden -fno-builtin-malloc -fno-builtin-calloc -ftls-model=initial-exec \
	-fno-stack-protector -U_FORTIFY_SOURCE $(warnings) -Wl,-soname,$(sites) -Wl,-z,relro \
	-Wl,-z,now -Wl,-z,noexecstack
sites_libs    := -Wl,--as-needed -ldl -lpthread # before glibc 2.34 they were not in libc
sites_sources := $(sort $(wildcard preload/*.c))
machine       := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
sites_built   := $(if $(filter x86_64 aarch64,$(machine)),$(BUILD)/$(sites))

# Objects live in a folder named after compiler, flavour and a sum over every flag and the
# compiler's version, so that builds which differ never share an object.
quote    = '$(subst ','\'',$(1))'
flagsum := $(shell { printf '%s\n' $(call quote,$(compile) $(link) $(libs)); $(CC) --version; } \
	2>/dev/null | cksum | cut -d' ' -f1)
obj     := $(BUILD)/obj/$(notdir $(firstword $(CC)))-$(flavour)-$(flagsum)

sources := $(sort $(wildcard formats/*.c heapwalk/*.c analyzer/*.c analyzer/*/*.c))
objects := $(sources:%.c=$(obj)/%.o)
library := $(filter-out $(obj)/analyzer/main.o,$(objects))

unit_sources := $(sort $(wildcard tests/unit/*.c))
unit_support := $(patsubst %.c,$(obj)/%.o,$(sort $(wildcard tests/unit/lib/*.c)))
unit_tests   := $(unit_sources:%.c=$(obj)/%)

# The targets that people type build with two jobs, unless they said otherwise (-j).
again = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j2)

.PHONY: all help demo check run-tests unit install uninstall lint bench coverage soak clean deps FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(out)/coreheap $(sites_built)

help:
	@echo 'make            build $(BUILD)/coreheap (CC=, CFLAGS=, BUILD=, WERROR=0, SAN=1)'
	@echo 'make demo       install what is missing, build, analyze the core of a leaky server'
	@echo 'make check      install what is missing, build, run all tests (TESTS="tests/t/20*", JOBS=N, KEEP=1)'
	@echo 'make deps       install what is missing for building and testing'
	@echo 'make install    copy to $(DESTDIR)$(bindir), $(libdir) and, for the shells, $(datadir)'
	@echo '                (PREFIX=, DESTDIR=, bindir=, libdir=, datadir=); make uninstall'
	@echo 'make lint       layering, lengths, house rules'
	@echo 'make bench      5 million chunks: time and memory, written to doc/performance.md'
	@echo 'make coverage   which glibc, machine and kind of core comes out exact, written to doc/coverage.md'
	@echo 'make soak       thousands of damaged cores, executables and libraries (ROUNDS=1000), for hours'
	@echo 'make clean      remove $(BUILD)'

# Where each shell looks for completions.
completion_bash := bash-completion/completions/coreheap
completion_zsh  := zsh/site-functions/_coreheap
completion_fish := fish/vendor_completions.d/coreheap.fish

# The linked program is copied only where it differs, so that `make` with other flags always leaves
# the program that was asked for, and a second `make` does nothing.
$(out)/coreheap: $(obj)/coreheap FORCE
	@mkdir -p $(@D)
	@cmp -s $< $@ || { cp $< $@.new && mv -f $@.new $@ && echo '  built   $@'; }

$(obj)/coreheap: $(objects)
	@echo '  link    $@'
	@$(link) -o $@ $^ $(libs)

$(BUILD)/$(sites): $(sites_sources) $(wildcard preload/*.h) Makefile
	@mkdir -p $(@D)
	@echo '  built   $@'
	@$(sites_flags) -o $@.new $(sites_sources) $(sites_libs) && mv -f $@.new $@

$(obj)/%.o: %.c $(obj)/libraries
	@mkdir -p $(@D)
	@echo '  cc      $<'
	@$(compile) -MMD -MP -c -o $@ $<

# cmocka's macros and fake cores need looser conversions than the product.
$(obj)/tests/%.o: tests/%.c $(obj)/libraries
	@mkdir -p $(@D)
	@echo '  cc      $<'
	@$(compile) -Wno-conversion -Wno-sign-conversion -MMD -MP -c -o $@ $<

$(obj)/tests/unit/%: $(obj)/tests/unit/%.o $(unit_support) $(library)
	@echo '  link    $@'
	@$(link) -o $@ $^ -lcmocka $(libs)

unit: $(unit_tests)

# Are a compiler and the libraries there? Asked once for each set of flags.
define probe
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#if __has_include(<libiberty/demangle.h>)
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif
#include <gelf.h>
#include <jansson.h>
#include <lz4frame.h>
#include <lzma.h>
#include <seccomp.h>
#include <zlib.h>
#include <Zydis/Zydis.h>
#include <zstd.h>
int main(void)
{
	return !json_null() || !dwfl_version(0) || !elf_version(EV_CURRENT) || !LZ4F_getVersion() ||
	       !lzma_version_number() || !cplus_demangle_v3("", 0) || !zlibVersion() || !ZSTD_versionNumber() ||
	       !ZydisGetVersion() || !seccomp_api_get();
}
endef
export probe
$(obj)/libraries:
	@mkdir -p $(@D)
	@command -v $(firstword $(CC)) >/dev/null || { \
		echo 'coreheap: the compiler $(CC) is not installed.'; \
		echo '  remedy: make deps (installs it), or make CC=<your compiler>'; exit 1; } >&2
	@printf '%s\n' "$$probe" >$@.c
	@$(compile) -o $@.out $@.c $(libs) 2>$@.log || { sed 's/^/  /' $@.log; \
		echo 'coreheap: headers or libraries are missing: libdw and libelf (elfutils), jansson,'; \
		echo '  zstd, lz4, lzma (xz), zlib, libiberty, libseccomp or Zydis.'; \
		echo '  remedy: make deps (Debian: libdw-dev libelf-dev libjansson-dev libzstd-dev'; \
		echo '  liblz4-dev liblzma-dev zlib1g-dev libiberty-dev libseccomp-dev libzydis-dev; Fedora: elfutils-devel elfutils-libelf-devel'; \
		echo '  jansson-devel libzstd-devel lz4-devel xz-devel zlib-devel binutils-devel libseccomp-devel zydis-devel)'; exit 1; } >&2
	@rm -f $@.c $@.out $@.log
	@touch $@

deps:
	@tests/deps.sh build test

demo:
	@tests/deps.sh build demo
	@+$(again) all
	@CC=$(call quote,$(CC)) tests/demo/run $(out)/coreheap $(BUILD)

check:
	@tests/deps.sh build test
	@+$(again) all unit
	@$(MAKE) --no-print-directory run-tests

# By a make of its own: where objects lie goes by the compiler, which check may have installed.
run-tests:
	@CC=$(call quote,$(CC)) BUILD=$(BUILD) SAN=$(SAN) COREHEAP=$(out)/coreheap \
		UNIT=$(obj)/tests/unit tests/run $(unit_tests)

install: all
	$(INSTALL) -d $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(out)/coreheap $(DESTDIR)$(bindir)/coreheap
	@for shell in bash:$(completion_bash) zsh:$(completion_zsh) fish:$(completion_fish); do \
		to=$(DESTDIR)$(datadir)/$${shell#*:}; echo "completion for $${shell%%:*}: $$to"; \
		$(INSTALL) -d "$${to%/*}" && \
		$(out)/coreheap completion "$${shell%%:*}" | $(INSTALL) -m 644 /dev/stdin "$$to" || exit; \
	done
ifneq ($(sites_built),)
	$(INSTALL) -d $(DESTDIR)$(libdir)
	$(INSTALL) -m 755 $(sites_built) $(DESTDIR)$(libdir)/$(sites)
endif

uninstall:
	rm -f $(DESTDIR)$(bindir)/coreheap $(DESTDIR)$(libdir)/$(sites)
	rm -f $(addprefix $(DESTDIR)$(datadir)/,$(completion_bash) $(completion_zsh) $(completion_fish))

lint:
	@tests/lint.sh

bench: all
	@CC=$(call quote,$(CC)) tests/bench/run $(out)/coreheap $(BUILD)

# Replays the corpus.
coverage: all
	@BUILD=$(BUILD) tests/t/2001-corpus.sh --write

# Beyond what check has time for. SAN=1 does the same with the sanitizers.
soak: all
	@CC=$(call quote,$(CC)) SAN=$(SAN) tests/hostile/soak $(out)/coreheap $(BUILD)/soak $(ROUNDS)

clean:
	rm -rf $(BUILD)

-include $(objects:.o=.d) $(unit_sources:%.c=$(obj)/%.d) $(unit_support:.o=.d)
