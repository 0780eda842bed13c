/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"
#include "stm32.h"

static struct usart *registers(const struct stm32_uart *uart)
{
#if defined STM32_L4
    if (uart->number == 2) {
        return USART2;
    }
#endif
    (void)uart;
    return USART1;
}

uint32_t stm32_brr(uint32_t kernel, uint32_t baud)
{
    return (kernel + baud / 2) / baud;
}

/* 8 bits, no parity, 1 stop bit: the reset values. */
void stm32_uart_start(const struct stm32_uart *uart, uint32_t kernel)
{
    struct usart *usart = registers(uart);

    stm32_pin_alternate(uart->tx);
    usart->BRR = stm32_brr(kernel, uart->baud);
    usart->CR1 = USART_CR1_TE | USART_CR1_UE;
}

void stm32_uart_write(const struct stm32_uart *uart, const char *text, size_t length)
{
    struct usart *usart = registers(uart);

    for (size_t i = 0; i < length; i++) {
        while (!(usart->ISR & USART_ISR_TXE)) {
        }
        usart->TDR = (uint8_t)text[i];
    }
}
