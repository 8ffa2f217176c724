# SPDX-License-Identifier: 0BSD
# The bootable ISO: GRUB, its menu and the kernel (see tools/mkiso).

.PHONY: iso
iso: $(O)/clockpage.iso ## build the bootable ISO

# GRUB would load symbols and debugging sections into memory: the copy it gets has none.
$(O)/iso/clockpage.elf: $(O)/clockpage.elf
	@mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-all $< $@

$(O)/clockpage.iso: $(O)/iso/clockpage.elf boot/grub.cfg tools/mkiso
	$(SAY) "  ISO     $@"
	$(Q)tools/mkiso $< boot/grub.cfg $@
