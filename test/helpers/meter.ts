/**
 * An OpenTelemetry SDK in small, to be loaded before `licet serve` (`node --import`): it implements the API's
 * MeterProvider for counters and prints what is counted on standard error, one line of JSON each.
 */
import { createNoopMeter, type Meter, type MeterProvider, type MetricOptions, metrics } from "@opentelemetry/api";

class PrintingProvider implements MeterProvider {
	getMeter(meter: string): Meter {
		return Object.assign(Object.create(createNoopMeter()) as Meter, {
			createCounter: (name: string, options: MetricOptions = {}) => ({
				add: (value: number, attributes: unknown) => {
					const { unit } = options;
					process.stderr.write(`${JSON.stringify({ metric: { meter, name, unit, value, attributes } })}\n`);
				},
			}),
		});
	}
}

if (!metrics.setGlobalMeterProvider(new PrintingProvider())) throw new Error("another meter provider is there already");
