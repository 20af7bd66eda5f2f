// Elements between the stages, and the ends of a flow.  Above each the words that describe it.

#pragma once

#include "stream.h"

// source OUT      The beats of a tensor are offered evenly over `pace` edges; 0: at once.
struct Source final : Element {
    Stream& out;
    Time pace;
    uint64_t due;

    Source(Words& words, uint64_t inferences, Time pace_) : out(words.out(this)), pace(pace_), due(inferences * out.beats) {}
    void run() override {
        while (out.offered.end() < std::min(due, out.count() + Ahead)) {
            out.offer(static_cast<Time>(out.offered.end()) * pace / static_cast<Time>(out.beats));
        }
        out.giver_keeps = out.count();
    }
    const Stream* waits(const Stream&) const override { return nullptr; }
};

// sink IN
struct Sink final : Element {
    Stream& in;

    explicit Sink(Words& words) : in(words.in(this)) {}
    void run() override {
        while (in.ready.end() < in.count() + Ahead) in.accept(0);
        in.taker_keeps = in.count();
    }
    const Stream* waits(const Stream&) const override { return nullptr; }
};

// What an element with one input and one output waits for: to be rid of what it offers, or for something to come.
inline const Stream* waits_between(const Stream& stuck, const Stream& in, const Stream& out) {
    if (&stuck == &out) return &in;
    return out.is_offered() ? &out : nullptr;
}

// fork IN COUNT OUT...
struct Fork final : Element {
    Stream& in;
    std::vector<Stream*> outs;

    explicit Fork(Words& words) : in(words.in(this, true)), outs(words.count()) {
        for (auto& out : outs) out = &words.out(this);
    }
    void run() override {
        for (;;) {
            const uint64_t k = in.count();
            if (outs[0]->offered.end() == k) {
                if (!in.is_offered()) break;
                const Time t = in.offer_edge();
                for (auto* out : outs) out->offer(t);
            }
            if (unserved() != nullptr) break;
            Time all = 0;
            for (const auto* out : outs) all = std::max(all, out->last);
            in.accept(all);
        }
        in.taker_keeps = in.count();
        for (auto* out : outs) out->giver_keeps = out->count();
    }
    const Stream* waits(const Stream&) const override { return in.is_offered() ? unserved() : &in; }

private:
    const Stream* unserved() const {
        for (const auto* out : outs) {
            if (out->count() <= in.count()) return out;
        }
        return nullptr;
    }
};

// fifo IN OUT DEPTH      lazy: takes a beat only when it is told to, for one at a time; depth does not matter then.
struct Fifo final : Element {
    Stream &in, &out;
    uint64_t depth;
    bool lazy;
    uint64_t seen = 0;
    Occupancy occupancy;
    int64_t needed = 0;

    Fifo(Words& words, bool lazy_) : in(words.in(this)), out(words.out(this)), depth(words.depth()), lazy(lazy_) {}
    void run() override {
        while (seen < in.count()) out.offer(in.moved[seen++] + 1);
        while (!lazy && in.ready.end() < in.count() + Ahead) {
            const uint64_t k = in.ready.end();
            if (k >= depth && out.count() <= k - depth) break;
            in.accept(k < depth ? 0 : out.moved[k - depth] + 1);
        }
        occupancy.see(in.moved, out.moved);
        in.taker_keeps = std::min(seen, occupancy.takes);
        out.giver_keeps = std::min(occupancy.gives, oldest_freeing(in.ready.end(), depth));
    }
    // Takes one beat more, if one is offered.
    bool take() {
        if (!in.is_offered()) return false;
        needed = std::max(needed, static_cast<int64_t>(in.count() + 1 - out.count()));
        in.accept(0);
        return true;
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, out); }
    int64_t most() const override { return lazy ? needed : occupancy.finished(in.moved); }
};

// converter IN OUT ELEMENTS IN_LANES OUT_LANES
struct Converter final : Element {
    // Elements of the beats of a vector, one after the other.
    struct Sizes {
        int64_t elements, lanes, at = 0;

        int64_t next() const { return std::min(lanes, elements - at); }
        void step() { at = at + lanes >= elements ? 0 : at + lanes; }
    };

    Stream &in, &out;
    int64_t elements, in_lanes, out_lanes;
    Sizes accepted{elements, in_lanes}, arrived{elements, in_lanes}, offered{elements, out_lanes}, left{elements, out_lanes};
    int64_t room = in_lanes + out_lanes + std::min(in_lanes, out_lanes) - 1;  // for beats that are not yet accepted
    int64_t stored = 0;                                                       // of beats that are not yet offered
    uint64_t in_seen = 0, out_seen = 0;

    explicit Converter(Words& words)
        : in(words.in(this)), out(words.out(this)), elements(words.number()), in_lanes(words.number()),
          out_lanes(words.number()) {}
    void run() override {
        if (out_seen == 0) accept(0);
        for (; in_seen < in.count(); ++in_seen) {
            stored += arrived.next();
            arrived.step();
            for (; stored >= offered.next(); offered.step()) {
                stored -= offered.next();
                out.offer(in.moved[in_seen] + 1);
            }
        }
        for (; out_seen < out.count(); ++out_seen) {
            room += left.next();
            left.step();
            accept(out.moved[out_seen] + 1);
        }
        in.taker_keeps = in_seen;
        out.giver_keeps = out_seen;
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, out); }

private:
    void accept(Time t) {
        for (; room >= accepted.next(); accepted.step()) {
            room -= accepted.next();
            in.accept(t);
        }
    }
};

// concat OUT COUNT IN... BEATS...
struct Concat final : Element {
    Stream& out;
    std::vector<Stream*> ins;
    std::vector<int64_t> beats;
    size_t turn = 0;
    int64_t beat = 0;
    uint64_t passed = 0;

    explicit Concat(Words& words) : out(words.out(this)), ins(words.count()) {
        for (auto& in : ins) in = &words.in(this, true);
        beats = words.list(ins.size());
    }
    void run() override {
        while (ins[turn]->is_offered()) {
            Stream& in = *ins[turn];
            if (out.offered.end() == passed) out.offer(in.offer_edge());
            if (out.count() == passed) break;
            ++passed;
            if (++beat == beats[turn]) {
                beat = 0;
                turn = turn + 1 == ins.size() ? 0 : turn + 1;
            }
            in.accept(out.last);
            in.taker_keeps = in.count();
        }
        out.giver_keeps = out.count();
    }
    const Stream* waits(const Stream&) const override { return ins[turn]->is_offered() ? &out : ins[turn]; }
};

// select IN OUT, and of rows, columns and blocks each: SIZE FIRST LAST
struct Select final : Element {
    struct Axis {
        int64_t size, first, last, at = 0;

        explicit Axis(Words& words) : size(words.number()), first(words.number()), last(words.number()) {}
        bool inside() const { return first <= at && at <= last; }
        // whether it wraps
        bool step() {
            at = at + 1 == size ? 0 : at + 1;
            return at == 0;
        }
    };

    Stream &in, &out;
    Axis rows, cols, blocks;
    uint64_t passed = 0;

    explicit Select(Words& words) : in(words.in(this, true)), out(words.out(this)), rows(words), cols(words), blocks(words) {}
    void run() override {
        while (in.is_offered()) {
            Time t = 0;
            if (rows.inside() && cols.inside() && blocks.inside()) {
                if (out.offered.end() == passed) out.offer(in.offer_edge());
                if (out.count() == passed) break;
                ++passed;
                t = out.last;
            }
            if (blocks.step() && cols.step()) rows.step();
            in.accept(t);
        }
        in.taker_keeps = in.count();
        out.giver_keeps = out.count();
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, out); }
};
