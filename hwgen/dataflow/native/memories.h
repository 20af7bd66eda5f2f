// Elements that read their beats from a memory.  Above each the words that describe it.

#pragma once

#include "stages.h"

// The read pipeline of hg_window and hg_reorder: one or two register stages; a stage moves if the next is empty or moves.
struct Reads {
    Stream& out;
    bool two;
    uint64_t count = 0;
    Time read = -1, moved = -1;  // edges of the last read, and of its word's move to the second stage

    // Whether all that the edge of the next read depends on here is known.
    bool known() {
        shift();
        return two ? out.offered.end() == count : out.count() == count;
    }
    // The next read, at `earliest` or later; returns its edge.
    Time issue(Time earliest) {
        read = std::max({read + 1, earliest, two ? moved : out.last});
        ++count;
        if (two) {
            shift();
        } else {
            out.offer(read + 1);
        }
        return read;
    }

private:
    void shift() {
        if (two && out.offered.end() < count && out.count() + 1 == count) {
            moved = std::max(read + 1, out.last);
            out.offer(moved + 1);
        }
    }
};

// reorder IN OUT WORDS BANKS READ_CYCLES
struct Reorder final : Element {
    Stream &in, &out;
    uint64_t words, banks;
    Reads reads;
    Times ends;  // last read of each block

    explicit Reorder(Words& text)
        : in(text.in(this)), out(text.out(this)), words(text.count()), banks(text.count()), reads{out, text.number() == 2} {}
    void run() override {
        accept();
        while (reads.known() && stored()) {
            const uint64_t word = reads.count % words;
            const Time t = reads.issue(word == 0 ? in.moved[reads.count + words - 1] + 1 : 0);
            if (word + 1 == words) {
                ends.push(t);
                accept();
            }
        }
        in.taker_keeps = reads.count;
        out.giver_keeps = out.count();
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, out); }

private:
    // Whether the block that is read next is written, as far as known.
    bool stored() const { return in.count() >= reads.count - reads.count % words + words; }
    void accept() {
        for (;;) {
            const uint64_t block = in.ready.end() / words;
            if (block >= ends.end() + banks) break;
            const Time t = block < banks ? 0 : ends[block - banks] + 1;
            for (uint64_t k = 0; k < words; ++k) in.accept(t);
            if (block >= banks) ends.forget_before(block - banks);
        }
    }
};

// SIZE EXTENT START COUNT STEP...      The windows along one axis.  base: the first tap, clamped to 0 ... size.  last: the last
// position where box and image meet, -1 where they don't.
struct WindowAxis {
    int64_t size, extent;
    std::vector<int64_t> base, last;

    explicit WindowAxis(Words& words) : size(words.number()), extent(words.number()) {
        int64_t at = words.number();
        auto steps = words.list(words.count());
        steps.push_back(0);
        for (const int64_t step : steps) {
            base.push_back(std::clamp<int64_t>(at, 0, size));
            last.push_back(at > -extent && at < size ? std::min(at + extent, size) - 1 : -1);
            at += step;
        }
    }
};

// window IN OUT BLOCKS TAPS SLOTS READ_CYCLES, and of rows and columns their WindowAxis
class Window final : public Element {
public:
    explicit Window(Words& words)
        : in_(words.in(this)), out_(words.out(this)), blocks_(words.count()), beats_(words.count() * blocks_),
          slots_(words.number()), reads_{out_, words.number() == 2}, rows_(words), cols_(words) {}

    // From now on it is its taker too, which takes a beat every `repeats` edges, `length` a vector, and issues the operations of
    // the last.  With three beats or more a vector, no edge that others see becomes known later than beat by beat.  Nothing
    // changes where it cannot be so, or where somebody asks when what it gives, `taken`, moves.
    void fuse(const Stream& taken, uint64_t length, uint64_t repeats, bool gate, Credit& credit) {
        if (&taken != &out_ || taken.beats != 0 || length < 3 || beats_ % length != 0) return;
        credit.out.giver = this;
        length_ = length;
        repeats_ = static_cast<Time>(repeats);
        gate_ = gate;
        credit_ = &credit;
    }
    void run() override {
        accept();
        if (credit_ == nullptr) {
            read();
            out_.giver_keeps = out_.count();
        } else {
            read_vectors();
            credit_->forget(credit_->issues.end());
        }
        in_.taker_keeps = needed_;
    }
    const Stream* waits(const Stream& stuck) const override {
        return waits_between(stuck, in_, credit_ == nullptr ? out_ : credit_->out);
    }

private:
    // A place in the walk over the windows of all images.
    struct Place {
        int64_t image = 0;
        size_t row = 0, col = 0;
    };

    Stream &in_, &out_;
    uint64_t blocks_, beats_;  // beats: of a window
    int64_t slots_;
    Reads reads_;
    WindowAxis rows_, cols_;
    // writer
    int64_t write_row_ = 0, write_col_ = 0;  // of the next position, the row counted over all images
    Place freed_;                            // the first window at which it may be taken
    uint64_t freed_count_ = 0;               // windows before that
    Times ends_;                             // last read of each window
    // reader
    Place window_;
    uint64_t beat_ = 0;    // of its window
    uint64_t needed_ = 0;  // beats that had to be written for the windows so far
    // the taker that it is too
    Credit* credit_ = nullptr;
    uint64_t length_ = 0, left_ = 0;
    Time repeats_ = 0, read_ = -1, moved_ = -1, taken_ = -1, issue_ = -1;
    bool gate_ = false;

    void step(Place& place) const {
        if (++place.col < cols_.base.size()) return;
        place.col = 0;
        if (++place.row < rows_.base.size()) return;
        place.row = 0;
        ++place.image;
    }
    bool may_write() const {
        const int64_t base = rows_.base[freed_.row], limit = freed_.image * rows_.size + base + slots_;
        if (write_row_ != limit) return write_row_ < limit;
        const bool final_row = freed_.row + 1 == rows_.base.size();
        const int64_t next = final_row ? rows_.size + rows_.base[0] : rows_.base[freed_.row + 1];
        return next != base && write_col_ < cols_.base[freed_.col];
    }
    void accept() {
        for (;;) {
            for (; !may_write(); step(freed_)) {
                if (freed_count_ == ends_.end()) return;
                ++freed_count_;
            }
            Time t = 0;
            if (freed_count_ > 0) {
                t = ends_[freed_count_ - 1] + 1;
                ends_.forget_before(freed_count_ - 1);
            }
            for (uint64_t k = 0; k < blocks_; ++k) in_.accept(t);
            if (++write_col_ == cols_.size) {
                write_col_ = 0;
                ++write_row_;
            }
        }
    }
    // Whether it is known when the window may start, and that edge; one that needs no more than those before: whenever.
    bool start(Time& t) {
        const int64_t row = rows_.last[window_.row], col = cols_.last[window_.col];
        int64_t positions = window_.image * rows_.size * cols_.size + 1;
        if (row >= 0 && col >= 0) positions += row * cols_.size + col;
        const uint64_t needed = static_cast<uint64_t>(positions) * blocks_;
        t = 0;
        if (needed <= needed_) return true;
        if (in_.count() < needed) return false;
        t = in_.moved[needed - 1] + 1;
        needed_ = needed;
        return true;
    }
    void finish(Time last_read) {
        ends_.push(last_read);
        beat_ = 0;
        step(window_);
        accept();
    }
    void read() {
        while (reads_.known()) {
            Time earliest = 0;
            if (beat_ == 0 && !start(earliest)) break;
            const Time t = reads_.issue(earliest);
            if (++beat_ == beats_) finish(t);
        }
    }
    // Vector by vector: from its first beat to the last but one, one is taken every `repeats` edges.
    void read_vectors() {
        for (;;) {
            Time t;
            for (; left_ > 0; --left_) {
                if (!credit_->room(t)) return;
                issue_ = std::max(issue_ + 1, t);
                credit_->issue(issue_);
                if (gate_) taken_ = issue_;
            }
            t = 0;
            if (beat_ == 0 && !start(t)) return;
            read_ = std::max({read_ + 1, t, reads_.two ? moved_ : taken_});
            if (reads_.two) moved_ = std::max(read_ + 1, taken_);
            const Time first = std::max({(reads_.two ? moved_ : read_) + 1, taken_ + 1, issue_});
            taken_ = moved_ = first + static_cast<Time>(length_ - 2) * repeats_;
            read_ = reads_.two ? taken_ - repeats_ : taken_;
            if (gate_) {
                left_ = 1;  // taken where it is issued
                issue_ = taken_;
            } else {
                left_ = static_cast<uint64_t>(repeats_);
                issue_ = taken_ += repeats_;
            }
            beat_ += length_;
            if (beat_ == beats_) finish(read_);
        }
    }
};
