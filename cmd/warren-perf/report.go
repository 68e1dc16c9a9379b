package main

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// page is a run as HTML in one file: no script, no style sheet and no picture from elsewhere.
type page struct {
	Title   string
	When    string
	Load    [][2]string
	Summary string
	Plots   []plot
}

var pageTemplate = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
body { font: 14px/1.45 system-ui, sans-serif; max-width: 760px; margin: 2em auto; color: #1f2328 }
svg { width: 100%; height: auto } svg text { font-size: 11px } .grid + text, .x, .unit { fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 } .y { text-anchor: end } .x { text-anchor: middle }
th { text-align: left; font-weight: normal; padding-right: 1.5em; color: #59636e } pre { background: #f6f8fa; padding: 1em; overflow: auto }
</style></head><body>
<h1>{{.Title}}</h1><p>{{.When}}</p>
<table>{{range .Load}}<tr><th>{{index . 0}}</th><td>{{index . 1}}</td></tr>{{end}}</table>
<pre>{{.Summary}}</pre>
{{range .Plots}}<h2>{{.Title}}</h2>
{{.SVG}}
{{end}}</body></html>
`))

// report writes the page of a run that is over.
func (m *meter) report(w io.Writer, o *options, s summary) error {
	var text bytes.Buffer
	s.text(&text)
	p := page{
		Title: "warren-perf: " + o.describe(), When: time.Now().UTC().Format(time.RFC1123), Load: o.table(), Summary: text.String(), Plots: m.plots(),
	}
	return pageTemplate.Execute(w, p)
}

// plots are those there are figures for.
func (m *meter) plots() []plot {
	over := func(f func(point) float64) (y []float64) {
		for _, p := range m.history {
			y = append(y, f(p))
		}
		return y
	}
	seconds := over(func(p point) float64 { return p.seconds })
	rates := plot{Title: "Throughput", unit: "messages/s over seconds", x: seconds}
	if len(m.producers) > 0 {
		rates.series = append(rates.series, series{"sent", over(func(p point) float64 { return p.sent })})
	}
	if len(m.consumers) > 0 {
		rates.series = append(rates.series, series{"received", over(func(p point) float64 { return p.received })})
	}
	if m.confirm.TotalCount() > 0 {
		rates.series = append(rates.series, series{"confirmed", over(func(p point) float64 { return p.confirmed })})
	}
	plots := []plot{rates}
	latency := func(what string, total *hdrhistogram.Histogram, of func(point) percentiles) {
		if total.TotalCount() == 0 {
			return
		}
		plots = append(plots, plot{Title: what + " over time", unit: "µs over seconds", x: seconds, log: true, series: []series{
			{"p50", over(func(p point) float64 { return of(p).P50 })},
			{"p99", over(func(p point) float64 { return of(p).P99 })},
			{"max", over(func(p point) float64 { return of(p).Max })},
		}}, distribution(what, total))
	}
	latency("Delivery latency from the due time", m.delivery, func(p point) percentiles { return p.delivery })
	latency("Publish to confirm", m.confirm, func(p point) percentiles { return p.confirm })
	if m.pid != 0 {
		plots = append(plots,
			plot{Title: "The broker's CPU", unit: "cores over seconds", x: seconds, series: []series{{"cores", over(func(p point) float64 { return p.cores })}}},
			plot{Title: "The broker's resident memory", unit: "MiB over seconds", x: seconds, series: []series{{"resident", over(func(p point) float64 { return p.rssMiB })}}},
		)
	}
	return plots
}

// distribution has one step of the x axis for every further nine, where HDR histograms are read.
func distribution(what string, h *hdrhistogram.Histogram) plot {
	p := plot{Title: what + " by percentile", unit: "µs over percentiles", log: true, series: []series{{name: "all of the run"}}}
	for _, q := range []float64{0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100} {
		nines := 5.0
		if q < 100 {
			nines = -math.Log10(1 - q/100)
		}
		p.x = append(p.x, nines)
		p.ticks = append(p.ticks, fmt.Sprint(q))
		p.series[0].y = append(p.series[0].y, float64(h.ValueAtQuantile(q))/1e3)
	}
	return p
}

// describe is the load in a line, for a title.
func (o *options) describe() string {
	text := fmt.Sprintf("%d B, %d to %d", o.bodyBytes, o.producers, o.consumers)
	if o.has("persistent") {
		text += ", persistent"
	}
	if o.confirm > 0 {
		text += fmt.Sprintf(", confirm window %d", o.confirm)
	}
	if o.rate > 0 {
		text += fmt.Sprintf(", %g/s", o.rate)
	}
	return text
}

func (o *options) table() [][2]string {
	rows := [][2]string{
		{"producers, consumers", fmt.Sprintf("%d, %d", o.producers, o.consumers)},
		{"body", fmt.Sprintf("%d bytes", o.bodyBytes)},
		{"exchange", fmt.Sprintf("%q, %s", o.exchange, o.kind)},
		{"flags", fmt.Sprint(o.flags)},
		{"confirm window", fmt.Sprint(o.confirm)},
		{"acks", map[bool]string{true: "none", false: fmt.Sprintf("every %d", max(1, o.multiAckEvery))}[o.autoAck]},
		{"prefetch", fmt.Sprint(o.qos)},
	}
	if o.rate > 0 {
		rows = append(rows, [2]string{"rate of each producer", fmt.Sprintf("%g/s", o.rate)})
	}
	return rows
}
