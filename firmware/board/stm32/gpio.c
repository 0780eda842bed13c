/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"
#include "stm32.h"

static struct gpio *port(struct stm32_pin pin)
{
    return (struct gpio *)(uintptr_t)(GPIOA_BASE + GPIO_STRIDE * (uint32_t)(pin.port - 'A'));
}

static void configure(struct stm32_pin pin, uint32_t mode)
{
    struct gpio *gpio = port(pin);
    const unsigned bit = 2u * pin.number;

    gpio->OSPEEDR = (gpio->OSPEEDR & ~(3u << bit)) | ((uint32_t)GPIO_FAST << bit);
    gpio->MODER = (gpio->MODER & ~(3u << bit)) | (mode << bit);
}

void stm32_pin_alternate(struct stm32_pin pin)
{
    stm32_port_enable(pin.port);

    volatile uint32_t *afr = &port(pin)->AFR[pin.number / 8];
    const unsigned bit = 4u * (pin.number % 8u);

    *afr = (*afr & ~(15u << bit)) | ((uint32_t)pin.function << bit);
    configure(pin, GPIO_ALTERNATE);
}

void stm32_pin_output(struct stm32_pin pin, int high)
{
    stm32_port_enable(pin.port);
    stm32_pin_set(pin, high);
    configure(pin, GPIO_OUTPUT);
}

void stm32_pin_set(struct stm32_pin pin, int high)
{
    port(pin)->BSRR = UINT32_C(1) << (pin.number + (high ? 0u : 16u));
}
