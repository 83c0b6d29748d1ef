/*
 * A guest of some hundred bytes that shows whether KVM can run a kernel: protected mode, paging, long mode, an MSR, CPUID,
 * an interrupt controller and a timer interrupt, and then it leaves through QEMU's isa-debug-exit device at port 0xf4.
 * Real mode alone proves nothing: there are clouds whose nested KVM runs a BIOS and then hangs in protected mode.
 *
 * QEMU loads it by its Multiboot 1 header. To build kvmprobe.bin from this file (GNU binutils):
 *
 *   as --64 -o kvmprobe.o kvmprobe.S && ld -m elf_x86_64 -Ttext 0x100000 -e entry -o kvmprobe.elf kvmprobe.o &&
 *   objcopy -O binary -j .text kvmprobe.elf kvmprobe.bin
 */
	.set	MAGIC, 0x1BADB002
	.set	FLAGS, 0x00010000		/* the addresses below are valid */
	.set	EXIT, 0xf4
	.set	WORKS, 0x2a			/* QEMU's exit status: 2 * 0x2a + 1 = 85 */

	.text
	.code32
header:	.long	MAGIC, FLAGS, -(MAGIC + FLAGS), header, header, edata, end, entry

	.globl	entry
entry:	cli
	movl	$stack, %esp
	movl	$pdpt + 3, pml4			/* one page of 2 MiB at 0, one at 2 MiB */
	movl	$pd + 3, pdpt
	movl	$0x83, pd
	movl	$0x200083, pd + 8
	movl	%cr4, %eax
	orl	$0x20, %eax			/* PAE */
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx		/* EFER: long mode, syscall */
	rdmsr
	orl	$0x101, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax		/* paging, protection */
	movl	%eax, %cr0
	lgdt	gdtr
	ljmp	$8, $long

	.code64
long:	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movq	$stack, %rsp
	xorl	%eax, %eax
	cpuid
	movq	$tick, %rax			/* interrupt 0x20 */
	movq	$idt + 0x200, %rdi
	movw	%ax, (%rdi)
	movw	$8, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shrq	$16, %rax
	movw	%ax, 6(%rdi)
	lidt	idtr
	movb	$0x11, %al			/* 8259: only IRQ 0, at 0x20 */
	outb	%al, $0x20
	movb	$0x20, %al
	outb	%al, $0x21
	movb	$4, %al
	outb	%al, $0x21
	movb	$1, %al
	outb	%al, $0x21
	movb	$0xfe, %al
	outb	%al, $0x21
	movb	$0x34, %al			/* 8254: 1 kHz */
	outb	%al, $0x43
	movb	$0xa9, %al
	outb	%al, $0x40
	movb	$0x04, %al
	outb	%al, $0x40
	sti
1:	hlt
	jmp	1b

tick:	movb	$WORKS, %al
	outb	%al, $EXIT
2:	hlt
	jmp	2b

	.balign	8
gdt:	.quad	0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdtr:	.word	23
	.quad	gdt
idtr:	.word	0x20f
	.quad	idt
edata:
	.bss
	.balign	4096
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	4096
idt:	.skip	4096
	.skip	4096
stack:
end:
