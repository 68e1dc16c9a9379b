package main

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// plot is a picture of some series over one axis, drawn as SVG.
type plot struct {
	Title  string
	unit   string
	x      []float64
	ticks  []string // one for each x; nil: seconds
	series []series
	log    bool // the y axis counts decades: latencies span five of them
}

type series struct {
	name string
	y    []float64
}

const (
	plotWidth, plotHeight = 720.0, 240.0
	plotLeft, plotBottom  = 70.0, 40.0
	plotTop, plotRight    = 14.0, 12.0
)

var plotColours = []string{"#1f6feb", "#d1242f", "#1a7f37", "#9a6700"}

// SVG draws the plot. Names and units come from this program, never from a broker: nothing has to be escaped.
func (p plot) SVG() template.HTML {
	low, high := p.bounds()
	scaleY := func(v float64) float64 {
		if p.log {
			v = math.Log10(max(v, low))
			return plotHeight - plotBottom - (v-math.Log10(low))/(math.Log10(high)-math.Log10(low))*(plotHeight-plotBottom-plotTop)
		}
		return plotHeight - plotBottom - v/high*(plotHeight-plotBottom-plotTop)
	}
	last := 1.0
	if n := len(p.x); n > 0 {
		last = max(p.x[n-1], 1e-9)
	}
	scaleX := func(v float64) float64 { return plotLeft + v/last*(plotWidth-plotLeft-plotRight) }

	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, p.Title)
	for _, v := range p.grid(low, high) {
		y := scaleY(v)
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text class="y" x="%.1f" y="%.1f">%s</text>`,
			plotLeft, plotWidth-plotRight, y, y, plotLeft-6, y+4, short(v))
	}
	every := max(1, (len(p.x)+9)/10)
	for i, x := range p.x {
		if i%every != 0 && i != len(p.x)-1 {
			continue
		}
		text := short(math.Round(x))
		if p.ticks != nil {
			text = p.ticks[i]
		}
		fmt.Fprintf(&b, `<text class="x" x="%.1f" y="%.1f">%s</text>`, scaleX(x), plotHeight-plotBottom+16, text)
	}
	for i, s := range p.series {
		colour := plotColours[i%len(plotColours)]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.6" points="`, colour)
		for j, y := range s.y {
			fmt.Fprintf(&b, "%.1f,%.1f ", scaleX(p.x[j]), scaleY(y))
		}
		fmt.Fprintf(&b, `"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`, plotLeft+float64(i)*150, plotHeight-6, colour, s.name)
	}
	fmt.Fprintf(&b, `<text class="unit" x="4" y="12">%s</text></svg>`, p.unit)
	return template.HTML(b.String())
}

// bounds are what the y axis spans: from zero, or whole decades around the values.
func (p plot) bounds() (low, high float64) {
	low, high = math.Inf(1), 0
	for _, s := range p.series {
		for _, y := range s.y {
			high = max(high, y)
			if y > 0 {
				low = min(low, y)
			}
		}
	}
	if high == 0 {
		return 1, 10
	}
	if !p.log {
		return 0, high * 1.05
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	return low, max(high, low*10)
}

func (p plot) grid(low, high float64) (at []float64) {
	if p.log {
		for v := low; v <= high*1.001; v *= 10 {
			at = append(at, v)
		}
		return at
	}
	step := math.Pow(10, math.Floor(math.Log10(high)))
	for high/step < 3 {
		step /= 2
	}
	for v := 0.0; v <= high; v += step {
		at = append(at, v)
	}
	return at
}

// short is a number as an axis has room for it.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", math.Round(v/1e4)/100)
	case v >= 1e3:
		return fmt.Sprintf("%gk", math.Round(v/10)/100)
	}
	return fmt.Sprintf("%g", math.Round(v*100)/100)
}
